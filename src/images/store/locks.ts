import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageNative } from './native-part.js';

export type Release = () => void;

/**
 * Locks by name between all processes that use one store, freed by the kernel when a holder dies (flock(2)).
 * Within a process they queue in JavaScript, so that at most one thread per name waits in the kernel.
 * The file is removed on release; `lock` notices when its file was removed while it waited, and takes the new one.
 */
export class Locks {
  readonly #tails = new Map<string, Promise<void>>();

  constructor(
    private readonly directory: string,
    private readonly native: Pick<ImageNative, 'lock'>,
  ) {}

  async acquire(name: string, signal: AbortSignal): Promise<Release> {
    const before = this.#tails.get(name) ?? Promise.resolve();
    let leave: () => void = () => {};
    const turn = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const tail = before.then(() => turn);
    this.#tails.set(name, tail);
    void tail.then(() => this.#tails.get(name) === tail && this.#tails.delete(name));
    try {
      await abortable(before, signal);
      const unlock = await this.#flock(join(this.directory, name), signal);
      return () => {
        unlock();
        leave();
      };
    } catch (error) {
      void before.then(leave);
      throw error;
    }
  }

  async #flock(path: string, signal: AbortSignal): Promise<Release> {
    let held = this.native.lock(path, { wait: false });
    if (!held) {
      const waiting = this.native.lock(path, { wait: true });
      held = await abortable(waiting, signal).catch((error) => {
        // The thread can't be called back: whenever it gets the lock, it gives it up.
        void waiting.then(
          (late) => late.close(),
          () => {},
        );
        throw error;
      });
    }
    const owned = held;
    return () => {
      rmSync(path, { force: true });
      owned.close();
    };
  }
}

/** Rejects with the signal's reason as soon as it is aborted; what `promise` does later is nobody's concern. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
