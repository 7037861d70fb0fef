import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errnoCode } from '../errors.js';
import type { Image } from './image.js';

/** What one Pod keeps the collection of garbage from. */
export interface Lease {
  readonly uid: string;
  readonly references: ReadonlySet<string>;
  /** Hexadecimal parts of ChainIDs. */
  readonly layers: ReadonlySet<string>;
}

function leaseFile(disk: string): string {
  return join(disk, 'layers');
}

/**
 * Notes in the Pod's directory on disk, before a container starts, which layers it stands on. The note goes with the directory,
 * whoever removes that, so it needs no lock and no recovery of its own.
 * @param disk  <root>/pods/<uid>
 * @returns false when a layer was taken away at this very moment: the image has to be resolved again. The collector moves a
 * layer away before it reads the leases, and we look for the layers after writing ours: one of the two sees the other.
 */
export function takeLease(disk: string, image: Image): boolean {
  const layers = image.lowerdirs.map((path) => basename(dirname(path)));
  appendFileSync(leaseFile(disk), `${[image.reference, ...layers].join(' ')}\n`, { mode: 0o600 });
  return image.lowerdirs.every((path) => existsSync(path));
}

/** A line whose writer was killed halfway names no layer of a running container: it may be cut or strange. */
function readLease(root: string, uid: string): Lease | undefined {
  try {
    const lines = readFileSync(leaseFile(join(root, 'pods', uid)), 'utf8').split('\n');
    const words = lines.map((line) => line.split(' '));
    return {
      uid,
      references: new Set(words.map(([reference = '']) => reference).filter(Boolean)),
      layers: new Set(words.flatMap(([, ...layers]) => layers)),
    };
  } catch (error) {
    if (errnoCode(error) === 'ENOENT' || errnoCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Of all Pods whose disks are below `root`, whichever state directory they were started with. */
export function readLeases(root: string): Lease[] {
  try {
    const uids = readdirSync(join(root, 'pods'));
    return uids.map((uid) => readLease(root, uid)).filter((lease) => lease !== undefined);
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return [];
    throw error;
  }
}
