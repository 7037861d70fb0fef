import { join } from 'node:path';
import type { Clock } from '../../clock.js';
import { PodrunError } from '../../errors.js';
import type { Registries } from '../connection/registries.js';
import type { ImageReference } from '../format/reference.js';
import { enforcePolicy, layoutOrigin, registryOrigin } from '../trust/policy.js';
import { readPolicy } from '../trust/policy-file.js';
import type { CredentialSource } from './auth.js';
import type { HttpTimeouts } from './http.js';
import { LayoutSource } from './layout.js';
import type { MirrorTable } from './mirrors.js';
import type { RegistrySource } from './registry.js';
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
  #registries: Promise<Registries> | undefined;

  constructor(private readonly options: SourcesOptions) {}

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
    this.#registries ??= this.#openRegistries();
    return (await this.#registries).for(reference, credentials);
  }

  /** The registry itself, to send an image to. @throws ERR_PODRUN_REGISTRY_REFUSED, ERR_PODRUN_REGISTRIES_CONF, ERR_PODRUN_AUTH_FILE */
  async registry(reference: ImageReference): Promise<RegistrySource> {
    if (reference.registry === localRegistry)
      throw new PodrunError('ERR_PODRUN_REGISTRY_REFUSED', `${localRegistry} is no registry`, {
        image: reference.text,
      });
    this.#registries ??= this.#openRegistries();
    return (await this.#registries).own(reference);
  }

  /** A dozen modules that a layout on disk can do without. */
  async #openRegistries(): Promise<Registries> {
    const { Registries } = await import('../connection/registries.js');
    return new Registries(this.options);
  }

  /** The grammar of repositories has no "..", so the path stays below. */
  #layoutOf({ repository, text }: ImageReference): string {
    if (repository.includes('/'))
      throw new PodrunError('ERR_PODRUN_IMAGE_NOT_FOUND', `there is no image ${text}`, { image: text });
    return join(this.options.layouts, repository);
  }

  async close(): Promise<void> {
    await (await this.#registries)?.close();
  }
}
