import { setMaxListeners } from 'node:events';
import type { Clock } from '../clock.js';
import { PodrunError } from '../errors.js';
import type { ImageFetcher } from './fetcher.js';
import { hostPlatform, type Platform } from './format/descriptor.js';
import { type ImageReference, parseReference } from './format/reference.js';
import type { Image, ImageService, ResolveImageOptions } from './image.js';
import type { CredentialSource } from './sources/auth.js';
import type { HttpTimeouts } from './sources/http.js';
import type { MirrorTable } from './sources/mirrors.js';
import type { ImageNative } from './store/native-part.js';
import { type ImageRecord, Store } from './store/store.js';

export interface ImageServiceOptions {
  /** Directory of the store. */
  readonly root: string;
  /** Asked before the mirrors of registries.conf: { "docker.io": ["http://127.0.0.1:5000"] }. */
  readonly registryMirrors?: MirrorTable | undefined;
  /** One file instead of the user's and the system's registries.conf. */
  readonly registriesConf?: string | undefined;
  /** OCI layouts served as podrun.local/<directory name>; default: those beside the starter image. */
  readonly layouts?: string | undefined;
  /** Instead of the logins that this machine's files have. */
  readonly credentials?: CredentialSource | undefined;
  /** The one file to look for logins in; default: those of containers' tools and of Docker. */
  readonly authFile?: string | undefined;
  readonly timeouts?: HttpTimeouts | undefined;
  readonly clock?: Clock | undefined;
  /** What images are for; default: this machine's. */
  readonly platform?: Platform | undefined;
  /** Default: the native addon. */
  readonly native?: ImageNative | undefined;
}

class LocalImageService implements ImageService {
  readonly #store: Store;
  readonly #platform: Platform;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  #fetcher: Promise<ImageFetcher> | undefined;

  constructor(private readonly options: ImageServiceOptions) {
    this.#store = new Store(options.root);
    this.#platform = options.platform ?? hostPlatform();
  }

  async resolve(name: string, options: ResolveImageOptions): Promise<Image> {
    if (this.#closing.signal.aborted) throw new PodrunError('ERR_PODRUN_CLOSED', 'the image service was closed');
    const reference = parseReference(name);
    const record = this.#store.record(reference.text, this.#platform);
    const image = record && this.#store.image(record);
    if (options.policy === 'Never' && !image) throw neverPull(reference);
    if (image && options.policy !== 'Always') return done(image, true, options);
    const work = this.#fetch(reference, image && record, options);
    const settled = work.catch(() => {}).finally(() => this.#running.delete(settled));
    this.#running.add(settled);
    return work;
  }

  async #fetch(
    reference: ImageReference,
    known: ImageRecord | undefined,
    options: ResolveImageOptions,
  ): Promise<Image> {
    const { text } = reference;
    const signal = AbortSignal.any([this.#closing.signal, ...(options.signal ? [options.signal] : [])]);
    setMaxListeners(0, signal); // of all layers of a pull
    try {
      signal.throwIfAborted();
      this.#fetcher ??= this.#makeFetcher();
      const fetcher = await this.#fetcher;
      const { credentials, onEvent } = options;
      const { image, cached } = await fetcher.fetch({ reference, known, credentials, signal, onEvent });
      return done(image, cached, options);
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new PodrunError('ERR_PODRUN_CANCELLED', `pull of ${text} was cancelled`, { image: text, cause: error });
    }
  }

  async #makeFetcher(): Promise<ImageFetcher> {
    const { ImageFetcher } = await import('./fetcher.js');
    return new ImageFetcher(this.#store, this.#platform, this.options);
  }

  async close(): Promise<void> {
    this.#closing.abort(new PodrunError('ERR_PODRUN_CLOSED', 'the image service was closed'));
    await Promise.all(this.#running);
    const fetcher = await this.#fetcher?.catch(() => undefined); // whoever wanted it has seen the error
    await fetcher?.close();
  }
}

function done(image: Image, cached: boolean, { onEvent }: ResolveImageOptions): Image {
  onEvent?.({ type: 'done', reference: image.reference, manifestDigest: image.manifestDigest, cached });
  return image;
}

function neverPull({ text }: ImageReference): PodrunError {
  const message = `image ${text} is not in the store, and imagePullPolicy Never forbids to pull it`;
  return new PodrunError('ERR_PODRUN_IMAGE_NEVER_PULL', message, { image: text });
}

/** Opens an image store; nothing is read, made or loaded before the first image is asked for. */
export function createImageService(options: ImageServiceOptions): ImageService {
  return new LocalImageService(options);
}
