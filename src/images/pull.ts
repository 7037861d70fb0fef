import { join } from 'node:path';
import type { Clock } from '../clock.js';
import { PodrunError } from '../errors.js';
import { findManifest } from './find-manifest.js';
import { parseConfig } from './format/config.js';
import { type Platform, platformMatches, platformText } from './format/descriptor.js';
import { chainIds } from './format/digest.js';
import type { ImageManifest } from './format/manifest.js';
import { wrongPlatform } from './format/platform.js';
import type { Image, PullEvent } from './image.js';
import type { ImageSource, Wanted } from './sources/source.js';
import { ensureBlob, fetchSmall } from './store/blobs.js';
import { ensureLayers, type Layer, type LayerContext, type LayerPhase } from './store/layers.js';
import type { Locks } from './store/locks.js';
import type { ImageNative } from './store/native-part.js';
import { type ImageRecord, type Store, storeError } from './store/store.js';
import type { Limiter } from './store/task-group.js';
import { Workspace } from './store/workspace.js';

/** What all pulls of one process share. */
export interface PullTools {
  readonly store: Store;
  readonly locks: Locks;
  readonly native: ImageNative;
  readonly clock: Clock;
  readonly limiter: Limiter;
  readonly platform: Platform;
}

export interface PullRequest {
  /** Full reference; the record is written under it. */
  readonly image: string;
  /** Its own tag or digest, or the digest that its tag was just found to stand for. */
  readonly wanted: Wanted;
  /** Best first. */
  readonly sources: readonly ImageSource[];
  readonly signal: AbortSignal;
  /** Also blobs whose layers are unpacked already: the source will not be there when somebody wants to save them. */
  readonly allBlobs?: boolean;
  readonly onEvent?: ((event: PullEvent) => void) | undefined;
}

function pairLayers(image: string, manifest: ImageManifest, diffIds: readonly string[]): Layer[] {
  if (manifest.layers.length !== diffIds.length) {
    const message = `config of image ${image} names ${diffIds.length} layers, its manifest ${manifest.layers.length}`;
    throw new PodrunError('ERR_PODRUN_IMAGE_CONFIG', message, { image });
  }
  if (diffIds.length === 0)
    throw new PodrunError('ERR_PODRUN_IMAGE_MANIFEST', `image ${image} has no layers`, { image });
  const chains = chainIds(diffIds);
  return manifest.layers.map((blob, i) => ({ blob, diffId: diffIds[i] ?? '', chainId: chains[i] ?? '' }));
}

/** Manifest, config and layers, downloaded, verified and unpacked; returns what is to be remembered of them. */
async function bring(
  context: LayerContext & PullTools,
  { wanted, signal, allBlobs }: PullRequest,
): Promise<ImageRecord> {
  const { image, platform } = context;
  const { manifest, manifestDigest, digest, sources } = await findManifest(context, wanted, signal);
  const config = parseConfig(image, await fetchSmall({ ...context, sources }, manifest.config, signal));
  if (!platformMatches(config.platform, platform))
    throw wrongPlatform(image, platform, [platformText(config.platform)]);
  const layers = pairLayers(image, manifest, config.diffIds);
  await ensureLayers({ ...context, sources }, layers, signal);
  if (allBlobs) for (const { blob } of layers) await ensureBlob({ ...context, sources }, { blob, signal });
  return {
    version: 1,
    reference: image,
    digest,
    manifestDigest,
    configDigest: manifest.config.digest,
    platform: config.platform,
    config: config.config,
    chainIds: layers.map(({ chainId }) => chainId),
  };
}

/** Held shared by whoever brings or reads content, exclusively by the collector of garbage. */
export function gcLock({ root }: Store): string {
  return join(root, 'gc.lock');
}

async function openWorkspace({ store, native }: Pick<PullTools, 'store' | 'native'>): Promise<Workspace> {
  try {
    store.prepare();
    return await Workspace.open(store, native);
  } catch (error) {
    throw storeError(`use image store ${store.root}`, error);
  }
}

/** Does something with a place for unfinished work, while no content of the store is taken away. */
export async function withWorkspace<T>(
  tools: Pick<PullTools, 'store' | 'native'>,
  action: (workspace: Workspace) => Promise<T>,
): Promise<T> {
  const workspace = await openWorkspace(tools);
  try {
    const lock = await tools.native.lock(gcLock(tools.store), { wait: true, shared: true });
    try {
      return await action(workspace);
    } finally {
      lock.close();
    }
  } finally {
    await workspace.close();
  }
}

/**
 * Brings an image into the store. Until its record is written at the very end, nothing of it shows but complete blobs and
 * complete layers, which other images may share.
 * @throws ERR_PODRUN_IMAGE_*, ERR_PODRUN_REGISTRY_*, ERR_PODRUN_BLOB_*, ERR_PODRUN_LAYER_*, ERR_PODRUN_STORE, ERR_PODRUN_STORE_FULL
 */
export async function pullImage(tools: PullTools, request: PullRequest): Promise<Image> {
  const { image, sources, onEvent } = request;
  const onLayer = ({ blob }: Layer, phase: LayerPhase, bytes: number) =>
    onEvent?.({ type: 'layer', reference: image, digest: blob.digest, phase, bytes, totalBytes: blob.sizeBytes });
  return withWorkspace(tools, async (workspace) => {
    try {
      const record = await bring({ ...tools, workspace, sources, image, onLayer }, request);
      tools.store.writeRecord(record, workspace.path('record'));
      const pulled = tools.store.image(record);
      if (pulled) return pulled;
      throw new PodrunError('ERR_PODRUN_STORE', `a layer of image ${image} vanished right after the pull`, { image });
    } catch (error) {
      throw storeError(`store image ${image}`, error);
    }
  });
}
