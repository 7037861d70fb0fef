import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ErrorCode, errnoCode, errorKinds, PodrunError } from '../../errors.js';
import type { Descriptor } from '../format/descriptor.js';
import { hexOf } from '../format/digest.js';
import { type BlobContext, ensureBlob } from './blobs.js';
import type { Release } from './locks.js';
import type { ImageNative } from './native-part.js';
import { storeError } from './store.js';
import { type Limiter, TaskGroup } from './task-group.js';

export interface Layer {
  readonly blob: Descriptor;
  readonly diffId: string;
  readonly chainId: string;
}

export type LayerPhase = 'waiting' | 'downloading' | 'unpacking' | 'done' | 'cached';

export interface LayerContext extends BlobContext {
  readonly image: string;
  readonly native: ImageNative;
  readonly limiter: Limiter;
  readonly onLayer: (layer: Layer, phase: LayerPhase, bytes: number) => void;
}

interface Fresh {
  readonly layer: Layer;
  /** Complete, but not yet under its name. */
  readonly directory: string;
}

/** Well above any real layer, and well below what a bomb is after: deflate packs up to 1032 : 1. */
const maxRatio = 250;
const freeBytes = 1024 ** 3;
const maxLayerBytes = 256 * 1024 ** 3;
const maxEntries = 2_000_000;

/** By content: what the media type says is not always so, and the DiffID decides in the end. */
async function compressionOf(path: string): Promise<'none' | 'gzip' | 'zstd'> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    const magic = buffer.toString('hex', 0, bytesRead);
    if (magic.startsWith('1f8b')) return 'gzip';
    return magic === '28b52ffd' ? 'zstd' : 'none';
  } finally {
    await file.close();
  }
}

function layerError({ image }: LayerContext, { blob }: Layer, error: unknown): unknown {
  const code = errnoCode(error);
  const what = `unpack layer ${blob.digest} of image ${image}`;
  if (error instanceof PodrunError || !code || !Object.hasOwn(errorKinds, code)) return storeError(what, error);
  return new PodrunError(code as ErrorCode, `cannot ${what}: ${(error as Error).message}`, { image, cause: error });
}

async function unpack(context: LayerContext, layer: Layer, path: string, signal: AbortSignal): Promise<Fresh> {
  const directory = context.workspace.path(`layer-${hexOf(layer.chainId)}`);
  const into = join(directory, 'fs');
  mkdirSync(directory, { mode: 0o700 });
  mkdirSync(into, { mode: 0o755 });
  const compression = await compressionOf(path);
  const maxBytes = Math.min(layer.blob.sizeBytes * maxRatio + freeBytes, maxLayerBytes);
  const unpacked = await context.native.unpackLayer(
    { blob: path, compression, into, maxBytes, maxEntries },
    { onAbort: (cancel) => signal.addEventListener('abort', cancel, { once: true }) },
  );
  if (unpacked.diffId !== layer.diffId) {
    const message = `layer ${layer.blob.digest} of image ${context.image} unpacks to ${unpacked.diffId}, its config says ${layer.diffId}`;
    throw new PodrunError('ERR_PODRUN_LAYER_DIFF_ID', message, { image: context.image });
  }
  const { sizeBytes, entries } = unpacked;
  const note = {
    version: 1,
    chainId: layer.chainId,
    diffId: layer.diffId,
    blob: layer.blob.digest,
    sizeBytes,
    entries,
  };
  writeFileSync(join(directory, 'layer.json'), JSON.stringify(note), { mode: 0o600 });
  return { layer, directory };
}

async function makeLayer(context: LayerContext, layer: Layer, signal: AbortSignal): Promise<Fresh> {
  context.onLayer(layer, 'downloading', 0);
  const onBytes = (received: number) => context.onLayer(layer, 'downloading', received);
  const path = await ensureBlob(context, { blob: layer.blob, signal, onBytes });
  signal.throwIfAborted();
  context.onLayer(layer, 'unpacking', layer.blob.sizeBytes);
  try {
    return await unpack(context, layer, path, signal);
  } catch (error) {
    signal.throwIfAborted();
    // Nothing is gained by keeping it, and if the disk damaged it the next pull has to fetch it anew.
    await rm(path, { force: true });
    throw layerError(context, layer, error);
  }
}

/**
 * Makes sure that every layer is unpacked under its ChainID. Layers are fetched and unpacked side by side; what is new
 * becomes visible at the end, by one rename each, after one sync for all of them.
 *
 * A layer's lock is held until then, so other processes wait instead of doing the work twice. Locks are taken bottom
 * first and one after the other: two images share layers only from the bottom up, hence nobody waits in a circle.
 */
export async function ensureLayers(
  context: LayerContext,
  layers: readonly Layer[],
  signal: AbortSignal,
): Promise<void> {
  const held: Release[] = [];
  const fresh: Fresh[] = [];
  const group = new TaskGroup(context.limiter, signal);
  try {
    for (const layer of layers) context.onLayer(layer, context.store.hasLayer(layer.chainId) ? 'cached' : 'waiting', 0);
    for (const layer of layers) {
      const release = await claim(context, layer, group.signal);
      if (!release) continue;
      held.push(release);
      group.add(async () => void fresh.push(await makeLayer(context, layer, group.signal)));
    }
    await group.done();
    await publish(context, fresh);
  } catch (error) {
    group.fail(error);
    await group.done(); // throws the failure that came first, which may be another than `error`
  } finally {
    for (const release of held) release();
  }
}

/** The right to make a layer, or undefined when it is there. */
async function claim(
  { store, locks, onLayer }: LayerContext,
  layer: Layer,
  signal: AbortSignal,
): Promise<Release | undefined> {
  if (store.hasLayer(layer.chainId)) return undefined;
  const release = await locks.acquire(`layer-${hexOf(layer.chainId)}`, signal);
  if (!store.hasLayer(layer.chainId)) return release;
  release();
  onLayer(layer, 'cached', 0);
  return undefined;
}

async function publish(context: LayerContext, fresh: readonly Fresh[]): Promise<void> {
  if (fresh.length === 0) return;
  try {
    await context.native.syncFilesystem(context.store.root);
    for (const { layer, directory } of fresh) {
      renameSync(directory, context.store.layer(layer.chainId));
      context.onLayer(layer, 'done', layer.blob.sizeBytes);
    }
  } catch (error) {
    throw storeError(`store the layers of image ${context.image}`, error);
  }
}
