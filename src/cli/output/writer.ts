import { once } from 'node:events';
import type { OutputStream } from '../command.js';

const batchBytes = 65_536;

/** What must be told before something else is written to the same terminal: see Live. */
export interface Region {
  hide(): void;
  /** @param lineEnded  whether the cursor is at the start of a line now */
  show(lineEnded: boolean): void;
}

/**
 * Writes pieces to a stream in as few system calls as the pieces come in: all that is pushed in one turn of the event loop
 * goes out together. Waits when the reader is slow, so that a flood of output does not end up in memory.
 */
export class Writer {
  private pieces: Uint8Array[] = [];
  private bytes = 0;
  private scheduled: NodeJS.Immediate | undefined;
  private failure: Error | undefined;
  private waiting: Promise<void> | undefined;

  /** @param broken  called once when the reader has gone (EPIPE, EIO of a terminal that hung up) */
  constructor(
    private readonly stream: OutputStream,
    private readonly broken: (error: Error) => void = () => undefined,
    private readonly region?: Region,
  ) {}

  /** Resolves at once unless the reader is slow. @throws the error of an earlier write */
  async push(...pieces: readonly Uint8Array[]): Promise<void> {
    if (this.failure) throw this.failure;
    for (const piece of pieces) this.bytes += piece.length;
    this.pieces.push(...pieces);
    if (this.bytes >= batchBytes) this.send();
    else this.scheduled ??= setImmediate(() => this.send());
    if (this.waiting) await this.waiting;
  }

  /** Resolves when all has been handed to the system. */
  async flush(): Promise<void> {
    this.send();
    if (this.failure) return;
    await new Promise<void>((resolve) => {
      this.stream.write('', () => resolve());
    });
  }

  private send(): void {
    if (this.scheduled) clearImmediate(this.scheduled);
    this.scheduled = undefined;
    if (this.bytes === 0 || this.failure) return;
    const chunk = this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces);
    this.pieces = [];
    this.bytes = 0;
    this.region?.hide();
    const free = this.stream.write(chunk, (error) => {
      if (error) this.fail(error);
    });
    this.region?.show(chunk.at(-1) === 0x0a);
    if (!free && !this.waiting) this.waiting = this.drain();
  }

  private async drain(): Promise<void> {
    try {
      await once(this.stream, 'drain');
    } catch (error) {
      // The stream's "error" event; once() rejects with it.
      this.fail(error as Error);
    } finally {
      this.waiting = undefined;
    }
  }

  private fail(error: Error): void {
    if (this.failure) return;
    this.failure = error;
    this.broken(error);
  }
}
