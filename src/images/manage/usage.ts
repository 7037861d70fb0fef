import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoCode } from '../../errors.js';
import { hexOf } from '../format/digest.js';
import { readLeases } from '../leases.js';
import type { Store } from '../store/store.js';
import { neededByImages } from './collect.js';
import { blobsOf, type Item, storedBlobs, storedLayers, treeSize } from './contents.js';
import { readRecords } from './records.js';
import type { Usage, UsageRow } from './types.js';

function sum(items: readonly Item[]): number {
  return items.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
}

function row(all: readonly Item[], active: ReadonlySet<string>): UsageRow {
  const idle = all.filter(({ hex }) => !active.has(hex));
  return {
    count: all.length,
    active: all.length - idle.length,
    sizeBytes: sum(all),
    reclaimableBytes: sum(idle),
  };
}

function podUsage(root: string, running: ReadonlySet<string>): UsageRow {
  let uids: string[] = [];
  try {
    uids = readdirSync(join(root, 'pods'));
  } catch (error) {
    if (errnoCode(error) !== 'ENOENT') throw error;
  }
  const sizeBytes = uids.reduce((total, uid) => total + treeSize(join(root, 'pods', uid)), 0);
  return { count: uids.length, active: uids.filter((uid) => running.has(uid)).length, sizeBytes, reclaimableBytes: 0 };
}

/** What the store's content takes, and what of it no Pod needs. */
export async function readUsage(store: Store): Promise<Usage> {
  const leases = readLeases(store.root);
  const used = new Set(leases.flatMap(({ references }) => [...references]));
  const records = readRecords(store);
  const [layers, blobs] = [storedLayers(store), storedBlobs(store)];
  const leased = new Set(leases.flatMap((lease) => [...lease.layers]));
  const activeBlobs = new Set<string>();
  for (const { record } of records.filter((one) => used.has(one.record.reference))) {
    for (const hex of await blobsOf(store, record)) activeBlobs.add(hex);
    for (const chainId of record.chainIds) leased.add(hexOf(chainId));
  }
  const needed = await neededByImages(store);
  const ofImages = [
    ...layers.filter(({ hex }) => needed.layers.has(hex)),
    ...blobs.filter(({ hex }) => needed.blobs.has(hex)),
  ];
  return {
    images: {
      count: records.length,
      active: records.filter(({ record }) => used.has(record.reference)).length,
      sizeBytes: sum(ofImages),
      reclaimableBytes: sum(ofImages.filter(({ hex }) => !leased.has(hex) && !activeBlobs.has(hex))),
    },
    layers: row(layers, leased),
    blobs: row(blobs, activeBlobs),
    pods: podUsage(store.root, new Set(leases.map(({ uid }) => uid))),
  };
}
