import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoCode } from '../errors.js';
import { native } from '../native.js';
import type { Directories } from '../paths.js';
import { makeDirectory } from './atomic.js';
import type { PodPlaces } from './pod-paths.js';

/**
 * Makes the Pod's directory on disk. It says where the Pod's state is: a reboot empties that, and a disk whose state is
 * gone belongs to nobody. (Two podrun with one --root and two --state must not take each other's for abandoned.)
 */
export function makeDisk(places: PodPlaces): void {
  makeDirectory(places.disk);
  writeFileSync(owner(places.disk), places.state, { mode: 0o600 });
}

function owner(disk: string): string {
  return join(disk, 'state');
}

/** Removes disks and logs of Pods that a reboot ended. */
export async function removeOrphans(directories: Directories): Promise<void> {
  const base = join(directories.root, 'pods');
  const orphans = list(base).filter((uid) => isOrphan(join(base, uid)));
  if (orphans.length === 0) return;
  const logs = list(directories.logs).filter((name) => orphans.some((uid) => name.endsWith(`_${uid}`)));
  // The disk last: it is what makes an interrupted removal be found again.
  await Promise.all(logs.map((name) => native().removeTree(join(directories.logs, name))));
  await Promise.all(orphans.map((uid) => native().removeTree(join(base, uid))));
}

function isOrphan(disk: string): boolean {
  try {
    return !existsSync(readFileSync(owner(disk), 'utf8'));
  } catch (error) {
    // Between its mkdir and its owner: in the making, or made by a process that was killed there and empty.
    if (errnoCode(error) === 'ENOENT') return false;
    throw error;
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return [];
    throw error;
  }
}
