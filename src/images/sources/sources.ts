import { join } from 'node:path';
import type { Clock } from '../../clock.js';
import { PodrunError } from '../../errors.js';
import { checkAuthFile, credentialsFrom, firstSource } from '../credentials/lookup.js';
import type { ImageReference } from '../format/reference.js';
import { readCertificates } from '../trust/certs-d.js';
import { enforcePolicy, layoutOrigin, registryOrigin } from '../trust/policy.js';
import { readPolicy } from '../trust/policy-file.js';
import { Authenticator, type CredentialSource } from './auth.js';
import { HttpClient, type HttpTimeouts } from './http.js';
import { LayoutSource } from './layout.js';
import { endpointsFor, type MirrorTable } from './mirrors.js';
import { type ConfRegistry, readRegistriesConf } from './registries-conf.js';
import { type RegistryAccess, RegistrySource } from './registry.js';
import type { ImageSource } from './source.js';

export interface SourcesOptions {
  readonly clock: Clock;
  readonly registryMirrors: MirrorTable;
  readonly registriesConf?: string | undefined;
  /** Directory of OCI layouts that answer for the host `podrun.local`: <layouts>/<repository>. */
  readonly layouts: string;
  /** Instead of the logins that this machine's files have. */
  readonly credentials?: CredentialSource | undefined;
  /** The one file to look for logins in. */
  readonly authFile?: string | undefined;
  readonly timeouts?: HttpTimeouts | undefined;
}

/** Images of this host are OCI layouts on disk. */
export const localRegistry = 'podrun.local';

/** Knows which places may have an image. */
export class Sources {
  readonly #access: RegistryAccess;
  readonly #logins: CredentialSource;
  #conf: Promise<readonly ConfRegistry[]> | undefined;

  constructor(private readonly options: SourcesOptions) {
    const http = new HttpClient(options.clock, options.timeouts, { certificates: readCertificates });
    this.#logins = options.credentials ?? credentialsFrom({ authFile: options.authFile });
    this.#access = { http, auth: new Authenticator(http, this.#logins), schemes: new Map() };
  }

  /**
   * Best first; never empty.
   * @param credentials  asked before the logins of this machine, for this image alone
   * @throws ERR_PODRUN_POLICY, ERR_PODRUN_POLICY_FILE, ERR_PODRUN_AUTH_FILE, ERR_PODRUN_REGISTRY_REFUSED, ERR_PODRUN_REGISTRIES_CONF
   */
  async for(reference: ImageReference, credentials?: CredentialSource): Promise<readonly ImageSource[]> {
    const policy = readPolicy();
    if (reference.registry === localRegistry) {
      const directory = this.#layoutOf(reference);
      if (policy) enforcePolicy(policy, reference.text, layoutOrigin(directory, reference));
      return [new LayoutSource(directory)];
    }
    if (policy) enforcePolicy(policy, reference.text, registryOrigin(reference));
    if (!this.options.credentials) checkAuthFile(this.options.authFile);
    this.#conf ??= readRegistriesConf(this.options.registriesConf);
    const endpoints = endpointsFor(reference, this.options.registryMirrors, await this.#conf);
    const access = credentials ? this.#accessWith(credentials) : this.#access;
    return endpoints.map((endpoint) => new RegistrySource(endpoint, access));
  }

  /** Tokens that one Pod's Secret has got are not for the next Pod. */
  #accessWith(credentials: CredentialSource): RegistryAccess {
    const logins = firstSource([credentials, this.#logins]);
    return { ...this.#access, auth: new Authenticator(this.#access.http, logins) };
  }

  /** The grammar of repositories has no "..", so the path stays below. */
  #layoutOf({ repository, text }: ImageReference): string {
    if (repository.includes('/'))
      throw new PodrunError('ERR_PODRUN_IMAGE_NOT_FOUND', `there is no image ${text}`, { image: text });
    return join(this.options.layouts, repository);
  }

  async close(): Promise<void> {
    await this.#access.http.close();
  }
}
