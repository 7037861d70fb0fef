import { dirname } from 'node:path';
import { PodrunError } from '../errors.js';
import { native } from '../native.js';
import { starterLayout } from '../paths.js';
import { hostPlatform } from './format/descriptor.js';
import { type ImageReference, parseReference } from './format/reference.js';
import type { Image, ImageService, PullEvent, ResolveImageOptions } from './image.js';
import { pullImage } from './pull.js';
import type { CredentialSource } from './sources/auth.js';
import { firstOf } from './sources/first-of.js';
import type { HttpTimeouts } from './sources/http.js';
import type { MirrorTable } from './sources/mirrors.js';
import type { ImageSource, Wanted } from './sources/source.js';
import { Sources } from './sources/sources.js';
import type { Layer, LayerPhase } from './store/layers.js';
import { Locks } from './store/locks.js';
import type { ImageNative } from './store/native-part.js';
import { type ImageRecord, Store, storeError } from './store/store.js';
import { Limiter } from './store/task-group.js';
import { Workspace } from './store/workspace.js';

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
  /** Default: the native addon. */
  readonly native?: ImageNative | undefined;
}

/** Layers in work at a time, of all pulls of one process. */
const parallelLayers = 4;

class LocalImageService implements ImageService {
  readonly #store: Store;
  readonly #sources: Sources;
  readonly #limiter = new Limiter(parallelLayers);
  readonly #platform = hostPlatform();
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  #locks: Locks | undefined;

  constructor(private readonly options: ImageServiceOptions) {
    this.#store = new Store(options.root);
    const { registryMirrors = {}, layouts = dirname(starterLayout) } = options;
    this.#sources = new Sources({ ...options, registryMirrors, layouts });
  }

  async resolve(name: string, options: ResolveImageOptions): Promise<Image> {
    if (this.#closing.signal.aborted) throw new PodrunError('ERR_PODRUN_CLOSED', 'the image service was closed');
    const reference = parseReference(name);
    const record = this.#store.record(reference.text, this.#platform);
    const image = record && this.#store.image(record);
    if (options.policy === 'Never' && !image) throw neverPull(reference);
    if (image && options.policy !== 'Always') {
      options.onEvent?.({
        type: 'done',
        reference: reference.text,
        manifestDigest: image.manifestDigest,
        cached: true,
      });
      return image;
    }
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
    try {
      signal.throwIfAborted();
      options.onEvent?.({ type: 'resolving', reference: text });
      const sources = await this.#sources.for(reference);
      let wanted: Wanted = reference.wanted;
      let ordered = sources;
      if (known) {
        const { answer: digest, source } = await firstOf(`image ${text}`, sources, (one) =>
          one.resolve(reference.wanted, signal),
        );
        const image = digest === known.digest ? this.#store.image(known) : undefined;
        if (image) return this.#done(image, true, options);
        wanted = { digest };
        ordered = [source, ...sources.filter((other) => other !== source)];
      }
      return this.#done(await this.#pull(reference, wanted, ordered, options, signal), false, options);
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new PodrunError('ERR_PODRUN_CANCELLED', `pull of ${text} was cancelled`, { image: text, cause: error });
    }
  }

  #done(image: Image, cached: boolean, { onEvent }: ResolveImageOptions): Image {
    onEvent?.({ type: 'done', reference: image.reference, manifestDigest: image.manifestDigest, cached });
    return image;
  }

  async #pull(
    reference: ImageReference,
    wanted: Wanted,
    sources: readonly ImageSource[],
    { onEvent }: ResolveImageOptions,
    signal: AbortSignal,
  ): Promise<Image> {
    const store = this.#store;
    const surface = this.options.native ?? native();
    const { workspace, locks } = await this.#prepare(surface);
    const { text: image } = reference;
    const onLayer = (layer: Layer, phase: LayerPhase, bytes: number) =>
      onEvent?.(layerEvent(image, layer, phase, bytes));
    const context = {
      store,
      locks,
      workspace,
      sources,
      image,
      native: surface,
      limiter: this.#limiter,
      onLayer,
      reference,
    };
    try {
      const record = await pullImage({ ...context, platform: this.#platform }, wanted, signal);
      store.writeRecord(record, workspace.path('record'));
      const pulled = store.image(record);
      if (!pulled)
        throw new PodrunError('ERR_PODRUN_STORE', `a layer of image ${image} vanished right after the pull`, { image });
      return pulled;
    } catch (error) {
      throw storeError(`store image ${image}`, error);
    } finally {
      await workspace.close();
    }
  }

  async #prepare(surface: ImageNative): Promise<{ workspace: Workspace; locks: Locks }> {
    try {
      this.#store.prepare();
      this.#locks ??= new Locks(this.#store.locks, surface);
      return { workspace: await Workspace.open(this.#store, surface), locks: this.#locks };
    } catch (error) {
      throw storeError(`use image store ${this.#store.root}`, error);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new PodrunError('ERR_PODRUN_CLOSED', 'the image service was closed'));
    await Promise.all(this.#running);
    await this.#sources.close();
  }
}

function layerEvent(reference: string, { blob }: Layer, phase: LayerPhase, bytes: number): PullEvent {
  return { type: 'layer', reference, digest: blob.digest, phase, bytes, totalBytes: blob.sizeBytes };
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

/** Opens an image store; nothing is read, made or loaded before the first image is asked for. */
export function createImageService(options: ImageServiceOptions): ImageService {
  return new LocalImageService(options);
}
