import type { LocalImages } from '../images/manage/images.js';
import type { Images } from '../images/manage/types.js';
import type { ImageServiceOptions } from '../images/service.js';

/** `podrun.images`, whose code is loaded by the first call: starting a Pod needs none of it. */
export class LazyImages implements Images {
  #loaded: Promise<LocalImages> | undefined;

  /** @param check  called before anything is done; throws when this process may not */
  constructor(
    private readonly options: () => ImageServiceOptions,
    private readonly check: () => void,
  ) {}

  async list(): ReturnType<Images['list']> {
    return (await this.#load()).list();
  }

  async pull(...args: Parameters<Images['pull']>): ReturnType<Images['pull']> {
    return (await this.#load()).pull(...args);
  }

  async inspect(...args: Parameters<Images['inspect']>): ReturnType<Images['inspect']> {
    return (await this.#load()).inspect(...args);
  }

  async remove(...args: Parameters<Images['remove']>): ReturnType<Images['remove']> {
    return (await this.#load()).remove(...args);
  }

  async prune(...args: Parameters<Images['prune']>): ReturnType<Images['prune']> {
    return (await this.#load()).prune(...args);
  }

  async usage(): ReturnType<Images['usage']> {
    return (await this.#load()).usage();
  }

  async load(...args: Parameters<Images['load']>): ReturnType<Images['load']> {
    return (await this.#load()).load(...args);
  }

  async save(...args: Parameters<Images['save']>): ReturnType<Images['save']> {
    return (await this.#load()).save(...args);
  }

  async push(...args: Parameters<Images['push']>): ReturnType<Images['push']> {
    return (await this.#load()).push(...args);
  }

  async close(): Promise<void> {
    await (await this.#loaded?.catch(() => undefined))?.close();
  }

  async #load(): Promise<LocalImages> {
    this.check();
    this.#loaded ??= import('../images/manage/images.js').then(({ LocalImages }) => new LocalImages(this.options()));
    return this.#loaded;
  }
}
