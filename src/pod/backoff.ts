/** CrashLoopBackOff of the kubelet: at once, then 10 s doubling to 300 s, forgotten after 10 minutes of good run. */
export interface BackOff {
  readonly baseMs: number;
  readonly maxMs: number;
  readonly resetAfterMs: number;
}

export const crashLoopBackOff: BackOff = { baseMs: 10_000, maxMs: 300_000, resetAfterMs: 600_000 };

/** Delay before the nth restart in a row; the first (0) is immediate. */
export function backOffDelayMs(restartsInRow: number, policy: BackOff = crashLoopBackOff): number {
  if (restartsInRow === 0) return 0;
  return Math.min(policy.maxMs, policy.baseMs * 2 ** (restartsInRow - 1));
}

/** Restarts in a row after a run of `ranMs`: a long good run starts the count anew. */
export function nextRestartsInRow(restartsInRow: number, ranMs: number, policy: BackOff = crashLoopBackOff): number {
  return ranMs >= policy.resetAfterMs ? 1 : restartsInRow + 1;
}
