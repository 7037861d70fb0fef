import { join } from 'node:path';
import type { Clock } from '../../clock.js';
import { PodrunError } from '../../errors.js';
import type { ImageReference } from '../format/reference.js';
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
  readonly credentials?: CredentialSource | undefined;
  readonly timeouts?: HttpTimeouts | undefined;
}

/** Images of this host are OCI layouts on disk. */
export const localRegistry = 'podrun.local';

/** Knows which places may have an image. */
export class Sources {
  readonly #access: RegistryAccess;
  #conf: Promise<readonly ConfRegistry[]> | undefined;

  constructor(private readonly options: SourcesOptions) {
    const http = new HttpClient(options.clock, options.timeouts);
    this.#access = { http, auth: new Authenticator(http, options.credentials), schemes: new Map() };
  }

  /** Best first; never empty. @throws ERR_PODRUN_REGISTRY_REFUSED, ERR_PODRUN_REGISTRIES_CONF */
  async for(reference: ImageReference): Promise<readonly ImageSource[]> {
    if (reference.registry === localRegistry) return [this.#layout(reference)];
    this.#conf ??= readRegistriesConf(this.options.registriesConf);
    const endpoints = endpointsFor(reference, this.options.registryMirrors, await this.#conf);
    return endpoints.map((endpoint) => new RegistrySource(endpoint, this.#access));
  }

  /** The grammar of repositories has no "..", so the path stays below. */
  #layout({ repository, text }: ImageReference): ImageSource {
    if (repository.includes('/'))
      throw new PodrunError('ERR_PODRUN_IMAGE_NOT_FOUND', `there is no image ${text}`, { image: text });
    return new LayoutSource(join(this.options.layouts, repository));
  }

  async close(): Promise<void> {
    await this.#access.http.close();
  }
}
