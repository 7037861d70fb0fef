import { Socket } from 'node:net';
import { PodrunError } from '../errors.js';
import { channel, encodeControl, encodeFrame, FrameDecoder } from './frames.js';

/** What the sandbox says of a failed request: see native/sandbox/PROTOCOL.md. */
export interface SandboxFailure {
  readonly step?: string;
  readonly errno?: number;
  readonly syscall?: string;
  readonly path?: string;
  readonly message?: string;
  readonly exitCode?: number;
}

export interface ExitEvent {
  readonly event: 'exit';
  readonly container: string;
  readonly attempt: number;
  readonly exitCode: number;
  readonly signal: number;
  readonly oomKilled: boolean;
  /** What a full disk did not take of the log. */
  readonly lostLogBytes: number;
  readonly pid: number;
  readonly startedAt: string;
  readonly finishedAt: string;
}

export type SandboxEvent =
  | ExitEvent
  | { readonly event: 'execExit'; readonly exitCode: number; readonly signal: number };

/** A request that the sandbox refused or could not do. */
export class SandboxRequestError extends Error {
  constructor(
    readonly method: string,
    readonly failure: SandboxFailure,
  ) {
    super(failure.message ?? `${failure.step ?? method} failed`);
  }
}

interface Waiting {
  readonly method: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** One connection to a sandbox: requests in order, events as they come. */
export class SandboxConnection {
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder();
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #closed = false;
  onEvent: (event: SandboxEvent) => void = () => {};
  onStream: (channelNumber: number, payload: Buffer) => void = () => {};
  onClose: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', () => {});
    socket.on('close', () => this.#ended());
  }

  /** Our end of the supervising socket pair. */
  static fromFd(fd: number): SandboxConnection {
    return new SandboxConnection(new Socket({ fd, readable: true, writable: true }));
  }

  /** @throws ERR_PODRUN_SANDBOX_GONE when nobody listens */
  static connect(path: string): Promise<SandboxConnection> {
    return new Promise((resolve, reject) => {
      const socket = new Socket();
      socket.once('error', (cause) =>
        reject(new PodrunError('ERR_PODRUN_SANDBOX_GONE', `cannot reach the sandbox at ${path}`, { cause, path })),
      );
      socket.connect({ path }, () => resolve(new SandboxConnection(socket)));
    });
  }

  request<T>(method: string, params: object = {}): Promise<T> {
    const { promise, frame } = this.prepare<T>(method, params);
    if (!this.#closed) this.#socket.write(frame);
    return promise;
  }

  /** A request whose frame the caller sends by other means (with descriptors attached). */
  prepare<T>(method: string, params: object = {}): { readonly promise: Promise<T>; readonly frame: Buffer } {
    const id = this.#nextId++;
    const promise = new Promise<T>((resolve, reject) => {
      if (this.#closed) return reject(gone());
      this.#waiting.set(id, { method, resolve: resolve as (result: unknown) => void, reject });
    });
    return { promise, frame: encodeControl({ id, method, params }) };
  }

  /** Sends a stream frame; false means that the caller should wait for `drained()`. */
  send(channelNumber: number, payload: Uint8Array): boolean {
    return this.#closed || this.#socket.write(encodeFrame(channelNumber, payload));
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed || !this.#socket.writableNeedDrain) return resolve();
      this.#socket.once('drain', resolve);
      this.#socket.once('close', resolve);
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Whether this connection keeps the event loop alive. */
  unref(): void {
    this.#socket.unref();
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    try {
      this.#decoder.push(chunk, (channelNumber, payload) => {
        if (channelNumber === channel.control) this.#control(JSON.parse(payload.toString('utf8')));
        else this.onStream(channelNumber, payload);
      });
    } catch {
      // Not our protocol: what waits is told that the sandbox is gone.
      this.#socket.destroy();
    }
  }

  #control(message: { id?: number; result?: unknown; error?: SandboxFailure; event?: string }): void {
    if (message.id === undefined) {
      this.onEvent(message as unknown as SandboxEvent);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return;
    this.#waiting.delete(message.id);
    if (message.error) waiting.reject(new SandboxRequestError(waiting.method, message.error));
    else waiting.resolve(message.result);
  }

  #ended(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { reject } of this.#waiting.values()) reject(gone());
    this.#waiting.clear();
    this.onClose();
  }
}

function gone(): PodrunError {
  return new PodrunError('ERR_PODRUN_SANDBOX_GONE', 'the sandbox has ended');
}
