import { setMaxListeners } from 'node:events';
import { dirname } from 'node:path';
import { type Clock, systemClock } from '../clock.js';
import { PodrunError } from '../errors.js';
import { native } from '../native.js';
import { starterLayout } from '../paths.js';
import { hostPlatform } from './format/descriptor.js';
import { type ImageReference, parseReference } from './format/reference.js';
import type { Image, ImageService, ResolveImageOptions } from './image.js';
import { type PullRequest, type PullTools, pullImage } from './pull.js';
import type { CredentialSource } from './sources/auth.js';
import { firstOf } from './sources/first-of.js';
import type { HttpTimeouts } from './sources/http.js';
import type { MirrorTable } from './sources/mirrors.js';
import { Sources } from './sources/sources.js';
import { Locks } from './store/locks.js';
import type { ImageNative } from './store/native-part.js';
import { type ImageRecord, Store } from './store/store.js';
import { Limiter } from './store/task-group.js';
import { removeStale } from './store/workspace.js';

export interface ImageServiceOptions {
  /** Directory of the store. */
  readonly root: string;
  /** Asked before the mirrors of registries.conf: { "docker.io": ["http://127.0.0.1:5000"] }. */
  readonly registryMirrors?: MirrorTable | undefined;
  /** One file instead of the user's and the system's registries.conf. */
  readonly registriesConf?: string | undefined;
  /** OCI layouts served as podrun.local/<directory name>; default: those beside the starter image. */
  readonly layouts?: string | undefined;
  readonly credentials?: CredentialSource | undefined;
  readonly timeouts?: HttpTimeouts | undefined;
  readonly clock?: Clock | undefined;
  /** Default: the native addon. */
  readonly native?: ImageNative | undefined;
}

/** Layers in work at a time, of all pulls of one process. */
const parallelLayers = 4;

class LocalImageService implements ImageService {
  readonly #store: Store;
  readonly #sources: Sources;
  readonly #platform = hostPlatform();
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  readonly #clock: Clock;
  #tools: PullTools | undefined;

  constructor(private readonly options: ImageServiceOptions) {
    const { registryMirrors = {}, layouts = dirname(starterLayout), clock = systemClock } = options;
    this.#clock = clock;
    this.#store = new Store(options.root);
    this.#sources = new Sources({ ...options, registryMirrors, layouts, clock });
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

  /** Asks the registry, and pulls unless `known` is what it has. */
  async #fetch(
    reference: ImageReference,
    known: ImageRecord | undefined,
    options: ResolveImageOptions,
  ): Promise<Image> {
    const { text } = reference;
    const signal = AbortSignal.any([this.#closing.signal, ...(options.signal ? [options.signal] : [])]);
    setMaxListeners(0, signal);
    try {
      signal.throwIfAborted();
      options.onEvent?.({ type: 'resolving', reference: text });
      const sources = await this.#sources.for(reference);
      const request = { image: text, wanted: reference.wanted, sources, signal, onEvent: options.onEvent };
      const now = known && (await whatItIsNow(request));
      const image = now && now.digest === known.digest ? this.#store.image(known) : undefined;
      if (image) return done(image, true, options);
      return done(await pullImage(this.#pullTools(), now?.request ?? request), false, options);
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new PodrunError('ERR_PODRUN_CANCELLED', `pull of ${text} was cancelled`, { image: text, cause: error });
    }
  }

  #pullTools(): PullTools {
    this.#tools ??= this.#makeTools(this.options.native ?? native());
    return this.#tools;
  }

  #makeTools(surface: ImageNative): PullTools {
    const locks = new Locks(this.#store.locks, surface);
    const limiter = new Limiter(parallelLayers);
    return { store: this.#store, locks, native: surface, clock: this.#clock, limiter, platform: this.#platform };
  }

  async close(): Promise<void> {
    this.#closing.abort(new PodrunError('ERR_PODRUN_CLOSED', 'the image service was closed'));
    await Promise.all(this.#running);
    await this.#sources.close();
  }
}

/** The digest that a reference stands for at this moment, and the request for exactly that, where it was found. */
async function whatItIsNow(request: PullRequest): Promise<{ digest: string; request: PullRequest }> {
  const { image, wanted, sources, signal } = request;
  const { answer: digest, source } = await firstOf(`image ${image}`, sources, (one) => one.resolve(wanted, signal));
  const ordered = [source, ...sources.filter((other) => other !== source)];
  return { digest, request: { ...request, wanted: { digest }, sources: ordered } };
}

function done(image: Image, cached: boolean, { onEvent }: ResolveImageOptions): Image {
  onEvent?.({ type: 'done', reference: image.reference, manifestDigest: image.manifestDigest, cached });
  return image;
}

function neverPull({ text }: ImageReference): PodrunError {
  return new PodrunError(
    'ERR_PODRUN_IMAGE_NEVER_PULL',
    `image ${text} is not in the store, and imagePullPolicy Never forbids to pull it`,
    {
      image: text,
    },
  );
}

/**
 * Removes what killed pulls left in the store at `root`; a pull does the same when it begins. Safe beside running pulls.
 * For recovery: it costs the reading of two directories.
 */
export async function sweepImageStore(root: string, surface: ImageNative = native()): Promise<void> {
  await removeStale(new Store(root), surface);
}

/** Opens an image store; nothing is read, made or loaded before the first image is asked for. */
export function createImageService(options: ImageServiceOptions): ImageService {
  return new LocalImageService(options);
}
