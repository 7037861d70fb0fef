import type { OutputStream, ProcessLike } from './command.js';

/**
 * The process itself, noting which output streams were used: making `process.stdout` costs up to 3 ms (it loads the net or
 * tty module), and a run without output should not pay for it at its end either.
 */
export class World implements ProcessLike {
  private readonly used = new Set<NodeJS.WriteStream>();

  get env(): NodeJS.ProcessEnv {
    return process.env;
  }

  get stdin(): NodeJS.ReadStream {
    return process.stdin;
  }

  get stdout(): OutputStream {
    return this.use(process.stdout);
  }

  get stderr(): OutputStream {
    return this.use(process.stderr);
  }

  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): void {
    process.on(signal, listener);
  }

  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): void {
    process.off(signal, listener);
  }

  /** Writes to pipes are asynchronous: what has not left when process.exit() is called would be lost. */
  async drained(): Promise<void> {
    await Promise.all(
      Array.from(this.used, (stream) => {
        if (stream.destroyed || stream.writableLength === 0) return undefined;
        return new Promise<void>((resolve) => {
          stream.write('', () => resolve());
        });
      }),
    );
  }

  /** A reader that has gone shows as EPIPE of a write, where it is dealt with; the event has no other listener. */
  private use(stream: NodeJS.WriteStream): OutputStream {
    if (!this.used.has(stream)) {
      this.used.add(stream);
      stream.on('error', () => undefined);
    }
    return stream;
  }
}
