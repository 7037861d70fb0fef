/** Times that matter for behaviour are monotonic; wall clock times are only shown. Injected, so that tests can own it. */
export interface Clock {
  /** Milliseconds since some fixed moment, never stepping (CLOCK_MONOTONIC). */
  monotonicMs(): number;
  /** For timestamps in status and logs. */
  now(): Date;
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** setTimeout(3) of Node takes no more; a longer one fires at once. */
const maxTimeoutMs = 2 ** 31 - 1;

/** Not performance.now(): loading perf_hooks for it costs a millisecond of every start. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export const systemClock: Clock = {
  monotonicMs,
  now: () => new Date(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const endMs = monotonicMs() + ms;
      const wake = () => {
        const leftMs = endMs - monotonicMs();
        if (leftMs > 1) {
          timer = setTimeout(wake, Math.min(leftMs, maxTimeoutMs));
          return;
        }
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      let timer = setTimeout(wake, Math.min(ms, maxTimeoutMs));
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
};
