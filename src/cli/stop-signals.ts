import { constants } from 'node:os';
import type { ProcessLike } from './command.js';

const stopping = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function signalNumber(signal: NodeJS.Signals): number {
  return constants.signals[signal];
}

/** "SIGTERM" for 15. */
export function signalName(number: number): string | undefined {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
}

/**
 * The signals that ask a foreground command to end. The first asks politely, each further one for an end at once.
 * Installed only while such a command runs: a library never touches the process's signals.
 */
export class StopSignals implements Disposable {
  /** The first one that came. */
  received: NodeJS.Signals | undefined;
  private readonly listener: (signal: NodeJS.Signals) => void;

  constructor(
    private readonly process: Pick<ProcessLike, 'on' | 'off'>,
    onStop: (signal: NodeJS.Signals, again: boolean) => void,
  ) {
    this.listener = (signal) => {
      const again = this.received !== undefined;
      this.received ??= signal;
      onStop(signal, again);
    };
    for (const signal of stopping) process.on(signal, this.listener);
  }

  [Symbol.dispose](): void {
    for (const signal of stopping) this.process.off(signal, this.listener);
  }
}
