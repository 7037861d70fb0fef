import { join } from 'node:path';
import { native } from '../native.js';
import type { Directories } from '../paths.js';

/**
 * Runs `work` while no other podrun process makes a state directory or judges one abandoned: without it a directory
 * would look abandoned between its mkdir and its lock. Held for microseconds.
 */
export async function withStateLock<T>(directories: Directories, work: () => T): Promise<T> {
  const path = join(directories.state, 'lock');
  const held = native().lock(path, { wait: false }) ?? (await native().lock(path, { wait: true }));
  try {
    return work();
  } finally {
    held.close();
  }
}
