import { setMaxListeners } from 'node:events';

/** Runs at most `limit` tasks at a time, whoever asks. */
export class Limiter {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#free = limit;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}

/** Tasks that stand and fall together: the first failure aborts the others, and `done` waits for all of them. */
export class TaskGroup {
  readonly #abort = new AbortController();
  readonly #tasks: Promise<void>[] = [];
  readonly signal: AbortSignal;
  #failure: { readonly error: unknown } | undefined;

  constructor(
    private readonly limiter: Limiter,
    signal: AbortSignal,
  ) {
    this.signal = AbortSignal.any([signal, this.#abort.signal]);
    setMaxListeners(0, this.signal); // one or more for each layer, and there is no limit to layers
  }

  add(task: () => Promise<void>): void {
    const guarded = async () => {
      if (this.#failure) return;
      await task();
    };
    this.#tasks.push(this.limiter.run(guarded).catch((error) => this.fail(error)));
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#abort.abort(error);
  }

  /** Throws the first failure, after everything has come to rest. */
  async done(): Promise<void> {
    await Promise.all(this.#tasks);
    if (this.#failure) throw this.#failure.error;
  }
}
