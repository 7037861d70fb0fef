import { checkAuthFile, credentialsFrom, firstSource } from '../credentials/lookup.js';
import type { ImageReference } from '../format/reference.js';
import { Authenticator, type CredentialSource } from '../sources/auth.js';
import { directEndpoint } from '../sources/endpoint.js';
import { HttpClient } from '../sources/http.js';
import { endpointsFor } from '../sources/mirrors.js';
import { type ConfRegistry, readRegistriesConf } from '../sources/registries-conf.js';
import { type RegistryAccess, RegistrySource } from '../sources/registry.js';
import type { ImageSource } from '../sources/source.js';
import type { SourcesOptions } from '../sources/sources.js';
import { readCertificates } from '../trust/certs-d.js';

/** The registries and mirrors of this machine, with its logins and certificates. */
export class Registries {
  readonly #access: RegistryAccess;
  readonly #logins: CredentialSource;
  #conf: Promise<readonly ConfRegistry[]> | undefined;

  constructor(private readonly options: SourcesOptions) {
    const http = new HttpClient(options.clock, options.timeouts, { certificates: readCertificates });
    this.#logins = options.credentials ?? credentialsFrom({ authFile: options.authFile });
    this.#access = { http, auth: new Authenticator(http, this.#logins), schemes: new Map() };
  }

  /** Best first; never empty. @throws ERR_PODRUN_AUTH_FILE, ERR_PODRUN_REGISTRY_REFUSED, ERR_PODRUN_REGISTRIES_CONF */
  async for(reference: ImageReference, credentials?: CredentialSource): Promise<readonly ImageSource[]> {
    if (!this.options.credentials) checkAuthFile(this.options.authFile);
    this.#conf ??= readRegistriesConf(this.options.registriesConf);
    const endpoints = endpointsFor(reference, this.options.registryMirrors, await this.#conf);
    const access = credentials ? this.#accessWith(credentials) : this.#access;
    return endpoints.map((endpoint) => new RegistrySource(endpoint, access));
  }

  /** The registry itself, for which mirrors only stand in. */
  async own(reference: ImageReference): Promise<RegistrySource> {
    if (!this.options.credentials) checkAuthFile(this.options.authFile);
    this.#conf ??= readRegistriesConf(this.options.registriesConf);
    const endpoint = endpointsFor(reference, {}, await this.#conf).at(-1) ?? directEndpoint(reference);
    return new RegistrySource(endpoint, this.#access);
  }

  /** Tokens that one Pod's Secret has got are not for the next Pod. */
  #accessWith(credentials: CredentialSource): RegistryAccess {
    const logins = firstSource([credentials, this.#logins]);
    return { ...this.#access, auth: new Authenticator(this.#access.http, logins) };
  }

  async close(): Promise<void> {
    await this.#access.http.close();
  }
}
