import type { Clock } from '../clock.js';
import type { ContainerRunner } from './container-runner.js';

/**
 * The Pod's one termination: stop signals now, SIGKILL to all that is left when the grace period is over. Asking again
 * may shorten the period, never lengthen it (registry/core/pod BeforeDelete).
 */
export class Termination {
  readonly #clock: Clock;
  #deadlineMs = Number.POSITIVE_INFINITY;
  #interrupt = new AbortController();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sets the end of the grace period, if that is sooner than what was set before. True for the first call. */
  request(graceMs: number): boolean {
    const first = this.#deadlineMs === Number.POSITIVE_INFINITY;
    const deadlineMs = this.#clock.monotonicMs() + graceMs;
    if (deadlineMs >= this.#deadlineMs) return false;
    this.#deadlineMs = deadlineMs;
    this.#interrupt.abort();
    return first;
  }

  /**
   * @param allEnded  resolves when no container runs any more
   */
  async stop(runners: readonly ContainerRunner[], allEnded: Promise<unknown>): Promise<void> {
    const done = allEnded.then(
      () => true,
      () => true,
    );
    if (this.#deadlineMs > this.#clock.monotonicMs()) {
      await Promise.all(runners.filter((runner) => runner.isRunning).map((runner) => runner.signal(false)));
    }
    while (!(await Promise.race([done, this.#graceOver()]))) {
      if (this.#clock.monotonicMs() < this.#deadlineMs) continue;
      await Promise.all(runners.filter((runner) => runner.isRunning).map((runner) => runner.signal(true)));
      await done;
    }
    this.#interrupt.abort();
  }

  /** Resolves with false at the deadline, or when the deadline has moved. */
  #graceOver(): Promise<false> {
    this.#interrupt = new AbortController();
    const leftMs = Math.max(0, this.#deadlineMs - this.#clock.monotonicMs());
    return this.#clock.sleep(leftMs, this.#interrupt.signal).then(
      () => false,
      () => false,
    );
  }
}
