import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { hexOf } from '../format/digest.js';
import { readLeases } from '../leases.js';
import { gcLock } from '../pull.js';
import type { ImageNative } from '../store/native-part.js';
import { type Store, storeError } from '../store/store.js';
import { blobsOf, layerSize, storedBlobs, storedLayers } from './contents.js';
import { readRecords } from './records.js';

export interface Collected {
  readonly layers: number;
  readonly blobs: number;
  readonly freedBytes: number;
  readonly deferred: boolean;
}

function trash({ root }: Store): string {
  return join(root, 'trash');
}

function leasedLayers({ root }: Store): Set<string> {
  return new Set(readLeases(root).flatMap(({ layers }) => [...layers]));
}

/** Layers and blobs that some image needs, by the hexadecimal part of their digests. */
export async function neededByImages(store: Store): Promise<{ layers: Set<string>; blobs: Set<string> }> {
  const layers = new Set<string>();
  const blobs = new Set<string>();
  for (const { record } of readRecords(store)) {
    for (const chainId of record.chainIds) layers.add(hexOf(chainId));
    for (const hex of await blobsOf(store, record)) blobs.add(hex);
  }
  return { layers, blobs };
}

/**
 * Puts back what a Pod has taken a lease on meanwhile; what stays in the trash nobody can have: a lease that is written from
 * now on finds its layer missing. Also what a killed collector left there goes through this.
 */
function rescueLeased(store: Store): string[] {
  const leased = leasedLayers(store);
  const rest: string[] = [];
  for (const hex of readdirSync(trash(store))) {
    const [from, home] = [join(trash(store), hex), join(store.root, 'layers', hex)];
    if (leased.has(hex) && !existsSync(home)) renameSync(from, home);
    else rest.push(from);
  }
  return rest;
}

function removeBlobs(store: Store, needed: ReadonlySet<string>): { count: number; bytes: number } {
  const unneeded = storedBlobs(store).filter(({ hex }) => !needed.has(hex));
  for (const { hex } of unneeded) rmSync(join(store.root, 'blobs', 'sha256', hex), { force: true });
  return { count: unneeded.length, bytes: unneeded.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}

/** Moves what no image and no Pod needs into the trash, in one step each: a layer is there whole, or not at all. */
function discardLayers(store: Store, needed: ReadonlySet<string>): void {
  mkdirSync(trash(store), { recursive: true, mode: 0o700 });
  const leased = leasedLayers(store);
  for (const { hex } of storedLayers(store)) {
    if (needed.has(hex) || leased.has(hex)) continue;
    const to = join(trash(store), hex);
    if (!existsSync(to)) renameSync(join(store.root, 'layers', hex), to);
  }
}

/**
 * Removes what no image and no Pod needs. While somebody pulls nothing is removed, since what a pull counts on is written down
 * only at its end.
 */
export async function collectGarbage(store: Store, native: ImageNative): Promise<Collected> {
  const nothing = { layers: 0, blobs: 0, freedBytes: 0 };
  if (!existsSync(join(store.root, 'layers'))) return { ...nothing, deferred: false };
  const lock = native.lock(gcLock(store), { wait: false });
  if (!lock) return { ...nothing, deferred: true };
  try {
    const needed = await neededByImages(store);
    discardLayers(store, needed.layers);
    const gone = rescueLeased(store);
    const layerBytes = gone.reduce((sum, path) => sum + layerSize(path), 0);
    const blobs = removeBlobs(store, needed.blobs);
    // Under the lock: a pull must not bring a layer back whose old self is still in the trash under the same name.
    for (const path of gone) await native.removeTree(path);
    return { layers: gone.length, blobs: blobs.count, freedBytes: layerBytes + blobs.bytes, deferred: false };
  } catch (error) {
    throw storeError(`clean image store ${store.root}`, error);
  } finally {
    lock.close();
  }
}
