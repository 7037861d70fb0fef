import { dirname } from 'node:path';
import { systemClock } from '../clock.js';
import { native } from '../native.js';
import { starterLayout } from '../paths.js';
import type { Platform } from './format/descriptor.js';
import type { ImageReference } from './format/reference.js';
import type { Image, PullEvent } from './image.js';
import { type PullRequest, type PullTools, pullImage } from './pull.js';
import type { ImageServiceOptions } from './service.js';
import type { CredentialSource } from './sources/auth.js';
import { firstOf } from './sources/first-of.js';
import type { RegistrySource } from './sources/registry.js';
import type { ImageSource } from './sources/source.js';
import { Sources } from './sources/sources.js';
import { Locks } from './store/locks.js';
import type { ImageRecord, Store } from './store/store.js';
import { Limiter } from './store/task-group.js';

export interface FetchRequest {
  readonly reference: ImageReference;
  /** What the store has under the reference: it is enough as long as the registry says the same digest. */
  readonly known: ImageRecord | undefined;
  /** Asked before the logins of this machine, for this image alone. */
  readonly credentials?: CredentialSource | undefined;
  readonly signal: AbortSignal;
  readonly onEvent?: ((event: PullEvent) => void) | undefined;
}

export interface Fetched {
  readonly image: Image;
  /** Nothing had to be pulled. */
  readonly cached: boolean;
}

/** Layers in work at a time, of all pulls of one process. */
const parallelLayers = 4;

export function pullTools(
  store: Store,
  platform: Platform,
  { clock = systemClock, native: surface = native() }: Pick<ImageServiceOptions, 'clock' | 'native'>,
): PullTools {
  const [locks, limiter] = [new Locks(store.locks, surface), new Limiter(parallelLayers)];
  return { store, locks, native: surface, clock, limiter, platform };
}

/** Everything that happens when the store alone can't answer. Its own module, so that a cached image doesn't load it. */
export class ImageFetcher {
  readonly #sources: Sources;
  readonly tools: PullTools;

  constructor(
    private readonly store: Store,
    platform: Platform,
    options: ImageServiceOptions,
  ) {
    const { registryMirrors = {}, layouts = dirname(starterLayout), clock = systemClock } = options;
    this.#sources = new Sources({ ...options, registryMirrors, layouts, clock });
    this.tools = pullTools(store, platform, options);
  }

  /** Asks the registry, and pulls unless what is known is what it has. */
  async fetch({ reference, known, credentials, signal, onEvent }: FetchRequest): Promise<Fetched> {
    onEvent?.({ type: 'resolving', reference: reference.text });
    const sources = await this.#sources.for(reference, credentials);
    const request = { image: reference.text, wanted: reference.wanted, sources, signal, onEvent };
    const now = known && (await whatItIsNow(request));
    const image = now && now.digest === known.digest ? this.store.image(known) : undefined;
    if (image) return { image, cached: true };
    return { image: await pullImage(this.tools, now?.request ?? request), cached: false };
  }

  /** Where an image comes from, best first. */
  sourcesFor(reference: ImageReference): Promise<readonly ImageSource[]> {
    return this.#sources.for(reference);
  }

  /** The registry to send an image to. */
  registry(reference: ImageReference): Promise<RegistrySource> {
    return this.#sources.registry(reference);
  }

  async close(): Promise<void> {
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
