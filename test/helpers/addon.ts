/** The addon by itself, and a program for it to start. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StartedSandbox } from '../../native/addon/addon.js';
import type { Native } from '../../src/native.js';
import { addonBinary } from '../../src/paths.js';

export const addonFile = process.env['PODRUN_TEST_ADDON'] ?? addonBinary;

/** For `{ skip }`: the reason, or false. */
export const skipWithoutAddon = !existsSync(addonFile) && `needs the native build: ${addonFile}`;
export const skipWithoutRoot = skipWithoutAddon || (process.geteuid?.() !== 0 && 'needs root');

export function addon(): Native {
  return createRequire(import.meta.url)(addonFile);
}

/** Compiles test/fixtures/addon/<name>.c into `directory`, statically: it may run with any root directory. */
export function compileFixture(name: string, directory: string): string {
  const source = fileURLToPath(new URL(`../fixtures/addon/${name}.c`, import.meta.url));
  const program = join(directory, name);
  execFileSync('gcc', ['-O1', '-static', '-o', program, source]);
  return program;
}

/** A started holder.c: what it is told and what it answers. */
export class Holder {
  readonly pid: number;
  readonly #socket: Socket;
  readonly #started: StartedSandbox;
  #ended: Promise<void> | undefined;

  constructor(started: StartedSandbox) {
    this.#started = started;
    this.#socket = new Socket({ fd: started.controlFd });
    this.#socket.on('error', () => {});
    this.pid = started.pid;
  }

  get process(): StartedSandbox['process'] {
    return this.#started.process;
  }

  /** Sends a command; resolves with all that is answered up to `last`. */
  async ask(command: string, last: string): Promise<string> {
    const answer = this.#until(last);
    this.#socket.write(command);
    return answer;
  }

  /** Hands over the two descriptors of the hub. */
  async hold(first: number, second: number): Promise<void> {
    const answer = this.#until('taken\n');
    addon().passFds(this.#started.controlFd, Buffer.from('d'), [first, second]);
    await answer;
  }

  /** SIGKILL, and wait until it is reaped. */
  end(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    this.process.signal(9);
    await this.process.wait();
    this.#socket.destroy();
    this.process.close();
  }

  #until(last: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let text = '';
      const onData = (data: Buffer) => {
        text += data.toString();
        if (!text.endsWith(last)) return;
        this.#socket.off('data', onData);
        resolve(text);
      };
      this.#socket.on('data', onData);
      this.#socket.once('close', () => reject(new Error(`holder ended; it said ${JSON.stringify(text)}`)));
    });
  }
}

/** What an error of the addon has to look like, for `t.throws` and `t.rejects`. */
export const failure = (fields: { readonly errno: number; readonly syscall?: string; readonly path?: string }) =>
  fields as unknown as Error;
