import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageNative } from './native-part.js';
import type { Store } from './store.js';

const lockSuffix = '.lock';

/**
 * The directory where one pull keeps what is not complete yet: ingest/<random>/, with ingest/<random>.lock held as long as
 * the pull lives. What a killed process left is recognised by its lock being free, whatever its pid was or is now.
 */
export class Workspace {
  #next = 0;

  private constructor(
    private readonly directory: string,
    private readonly unlock: () => void,
    private readonly native: ImageNative,
  ) {}

  /** Makes a workspace, after removing those of the dead. */
  static async open(store: Store, native: ImageNative): Promise<Workspace> {
    await removeStale(store, native);
    for (;;) {
      const directory = join(store.ingest, randomBytes(8).toString('hex'));
      // The lock comes first: a directory without one belongs to nobody.
      const lock = native.lock(directory + lockSuffix, { wait: false });
      if (!lock) continue;
      mkdirSync(directory, { mode: 0o700 });
      const unlock = () => {
        rmSync(directory + lockSuffix, { force: true });
        lock.close();
      };
      return new Workspace(directory, unlock, native);
    }
  }

  /** A path that nothing else has. */
  path(name: string): string {
    return join(this.directory, `${this.#next++}-${name}`);
  }

  /** Removes all that was not moved away. */
  async close(): Promise<void> {
    await this.native.removeTree(this.directory);
    this.unlock();
  }
}

/**
 * Removes what processes that are gone were working on, and the locks they held. Costs two empty directories' reading when
 * there is nothing.
 */
export async function removeStale(store: Store, native: ImageNative): Promise<void> {
  for (const name of names(store.ingest)) {
    const directory = join(store.ingest, name.endsWith(lockSuffix) ? name.slice(0, -lockSuffix.length) : name);
    await ifFree(directory + lockSuffix, native, () => native.removeTree(directory));
  }
  for (const name of names(store.locks)) await ifFree(join(store.locks, name), native, async () => {});
}

function names(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** Does something, and removes the lock file, while nobody else can hold the lock. */
async function ifFree(path: string, native: ImageNative, action: () => Promise<void>): Promise<void> {
  const lock = native.lock(path, { wait: false });
  if (!lock) return;
  try {
    await action();
    rmSync(path, { force: true });
  } finally {
    lock.close();
  }
}
