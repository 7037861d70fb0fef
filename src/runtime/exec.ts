import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, type Readable, Writable } from 'node:stream';
import { PodrunError } from '../errors.js';
import { planExec } from '../plan/exec.js';
import type { OciConfig } from '../plan/oci.js';
import { SandboxConnection, SandboxRequestError } from './connection.js';
import { describeFailure } from './container.js';
import { channel } from './frames.js';

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

export interface ExecRequest {
  /** The sandbox's socket. */
  readonly socket: string;
  readonly container: string;
  /** Directory of the container's bundles, one for each attempt. */
  readonly bundles: string;
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  readonly size?: TerminalSize | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ExecSession {
  /** Absent without `stdin`. */
  readonly stdin?: Writable;
  readonly stdout: Readable;
  /** Ends at once with `tty`, where all comes on stdout. */
  readonly stderr: Readable;
  resize(size: TerminalSize): void;
  /** Exit code of the process, 128+n after signal n. */
  wait(): Promise<number>;
}

/**
 * Runs a program in a container, with the container's own user, capabilities and environment.
 * @throws ERR_PODRUN_CONTAINER_NOT_RUNNING, ERR_PODRUN_COMMAND_NOT_FOUND, ERR_PODRUN_COMMAND_NOT_EXECUTABLE, ERR_PODRUN_SANDBOX_GONE
 */
export async function execInContainer(request: ExecRequest): Promise<ExecSession> {
  const config = readConfig(request);
  const connection = await SandboxConnection.connect(request.socket);
  const session = new Session(connection, request.stdin);
  request.signal?.addEventListener('abort', () => connection.close(), { once: true });
  try {
    const process = planExec(config.process, request);
    await connection.request('exec', { container: request.container, process, stdin: request.stdin });
  } catch (error) {
    connection.close();
    throw error instanceof SandboxRequestError ? execError(request, error) : error;
  }
  return session;
}

function readConfig(request: ExecRequest): OciConfig {
  try {
    const attempts = readdirSync(request.bundles).map(Number);
    const path = join(request.bundles, String(Math.max(...attempts)), 'config.json');
    return JSON.parse(readFileSync(path, 'utf8')) as OciConfig;
  } catch (cause) {
    throw notRunning(request.container, cause);
  }
}

function execError(request: ExecRequest, error: SandboxRequestError): PodrunError {
  const { failure } = error;
  const { path, syscall, errno, exitCode } = failure;
  const details = { container: request.container, cause: error, path, syscall, errno, exitCode };
  const program = failure.path ?? request.command[0] ?? '';
  if (failure.exitCode === 127) {
    return new PodrunError(
      'ERR_PODRUN_COMMAND_NOT_FOUND',
      `${program}: ${failure.message ?? 'not found'} in container "${request.container}"`,
      details,
    );
  }
  if (failure.exitCode === 126) {
    const why = describeFailure({ ...failure, path: program, step: program });
    return new PodrunError('ERR_PODRUN_COMMAND_NOT_EXECUTABLE', why, details);
  }
  if (failure.errno === 3 || failure.message?.includes('not running')) return notRunning(request.container, error);
  return new PodrunError(
    'ERR_PODRUN_START',
    `cannot exec in container "${request.container}": ${describeFailure(failure)}`,
    details,
  );
}

function notRunning(container: string, cause: unknown): PodrunError {
  return new PodrunError('ERR_PODRUN_CONTAINER_NOT_RUNNING', `container "${container}" is not running`, {
    container,
    cause,
  });
}

/** Well below the protocol's limit for one frame. */
const maxStdinBytes = 64 * 1024;

class Session implements ExecSession {
  readonly stdin?: Writable;
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly #connection: SandboxConnection;
  readonly #exit: Promise<number>;
  readonly #full = new Set<PassThrough>();

  constructor(connection: SandboxConnection, withStdin: boolean) {
    this.#connection = connection;
    this.#exit = new Promise((resolve, reject) => {
      let code: number | undefined;
      connection.onEvent = (event) => {
        if (event.event === 'execExit') code = event.exitCode;
      };
      connection.onClose = () => {
        this.stdout.end();
        this.stderr.end();
        if (code === undefined)
          reject(new PodrunError('ERR_PODRUN_SANDBOX_GONE', 'the connection to the container was lost'));
        else resolve(code);
      };
    });
    this.#exit.catch(() => {});
    connection.onStream = (channelNumber, payload) => this.#output(channelNumber, payload);
    if (withStdin) this.stdin = this.#input();
  }

  resize(size: TerminalSize): void {
    this.#connection.send(channel.resize, Buffer.from(JSON.stringify(size)));
  }

  wait(): Promise<number> {
    return this.#exit;
  }

  /**
   * A reader that does not keep up makes the connection wait, and by it the program. What had been received by then still
   * comes, frame by frame.
   */
  #output(channelNumber: number, payload: Buffer): void {
    const stream = channelNumber === channel.stderr ? this.stderr : this.stdout;
    if (stream.write(Buffer.from(payload)) || this.#full.has(stream)) return;
    this.#full.add(stream);
    this.#connection.pause();
    stream.once('drain', () => {
      this.#full.delete(stream);
      if (this.#full.size === 0) this.#connection.resume();
    });
  }

  #input(): Writable {
    const connection = this.#connection;
    return new Writable({
      write(chunk: Buffer, _encoding, done) {
        let room = true;
        for (let at = 0; at < chunk.length; at += maxStdinBytes) {
          room = connection.send(channel.stdin, chunk.subarray(at, at + maxStdinBytes));
        }
        if (room) done();
        else void connection.drained().then(() => done());
      },
      final(done) {
        connection.send(channel.stdin, Buffer.alloc(0));
        done();
      },
    });
  }
}
