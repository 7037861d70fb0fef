import { errnoCode, PodrunError } from '../errors.js';
import { writeJson } from './atomic.js';

/** The API object of a Pod on disk, where other processes read it: written once for all changes of one turn. */
export class PodRecord {
  readonly #path: string;
  readonly #object: () => object;
  readonly #onFailure: (error: PodrunError) => void;
  #pending = false;
  #failed = false;
  #closed = false;

  /** @param onFailure  told of the first of several failures in a row */
  constructor(path: string, object: () => object, onFailure: (error: PodrunError) => void) {
    this.#path = path;
    this.#object = object;
    this.#onFailure = onFailure;
  }

  /** @throws ERR_PODRUN_STATE */
  create(): void {
    writeJson(this.#path, this.#object());
  }

  changed(): void {
    if (this.#pending) return;
    this.#pending = true;
    setImmediate(() => this.update());
  }

  /** A full disk keeps others from seeing the newest state; it is no reason to end the Pod, or the program we are part of. */
  update(): void {
    this.#pending = false;
    if (this.#closed) return;
    try {
      this.create();
      this.#failed = false;
    } catch (error) {
      if (!(error instanceof PodrunError && error.code === 'ERR_PODRUN_STATE')) throw error;
      // Another process has removed the Pod by force.
      if (errnoCode(error.cause) === 'ENOENT') return;
      if (!this.#failed) this.#onFailure(error);
      this.#failed = true;
    }
  }

  /** Writes no more: the Pod is being removed. */
  close(): void {
    this.#closed = true;
  }
}
