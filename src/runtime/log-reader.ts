import {
  closeSync,
  existsSync,
  type FSWatcher,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  watch,
} from 'node:fs';
import { join } from 'node:path';
import { errnoCode } from '../errors.js';
import { type LogRecord, parseRecords } from './log-format.js';

export interface ReadLogOptions {
  /** Directory of one container: <n>.log for each attempt. */
  readonly directory: string;
  /** Begin with the first attempt that is still there, not the latest. */
  readonly fromStart?: boolean;
  /** Of what is there already only so many lines of each container. */
  readonly tailLines?: number;
  /** Go on with what is written later, over rotations and restarts, until `ended`. */
  readonly ended?: AbortSignal;
  /** Stop at once. */
  readonly signal?: AbortSignal;
  /** Called once when rotation has removed a file before it was read: the program writes faster than we read. */
  readonly onLost?: () => void;
}

const chunkBytes = 64 * 1024;
/** Files opened before their turn, so that rotation takes nothing from a reader that is behind; they keep their disk space. */
const mostAhead = 16;

/**
 * Records of one container's log, oldest first; waits on inotify, never by time. Once `ended` is aborted all that has
 * been written is still delivered, even when the files are unlinked meanwhile.
 */
export async function* readLog(options: ReadLogOptions): AsyncGenerator<LogRecord[]> {
  const cursor = new LogCursor(options);
  const wake = new Wake();
  const finish = () => {
    cursor.openRest();
    wake.ring();
  };
  const watcher = options.ended ? watchDirectory(options.directory, () => wake.ring()) : undefined;
  const stop = () => wake.ring();
  options.ended?.addEventListener('abort', finish);
  options.signal?.addEventListener('abort', stop);
  try {
    if (options.tailLines !== undefined) yield lastLines(cursor, options.tailLines);
    for (;;) {
      if (options.signal?.aborted) return;
      const last = options.ended === undefined || options.ended.aborted;
      if (last) cursor.openRest();
      const records = cursor.next();
      if (records.length > 0) yield records;
      else if (last) return;
      else await wake.next();
    }
  } finally {
    watcher?.close();
    cursor.close();
    options.ended?.removeEventListener('abort', finish);
    options.signal?.removeEventListener('abort', stop);
  }
}

/** Reads to the end of what is there and keeps the last lines; the pieces of a line stay together. */
function lastLines(cursor: LogCursor, count: number): LogRecord[] {
  let lines: LogRecord[][] = [[]];
  for (let batch = cursor.next(); batch.length > 0; batch = cursor.next()) {
    for (const record of batch) {
      lines.at(-1)!.push(record);
      if (!record.partial) lines.push([]);
    }
    lines = lines.slice(-count - 1);
  }
  if (lines.at(-1)!.length === 0) lines.pop();
  return lines.slice(lines.length - Math.min(count, lines.length)).flat();
}

function watchDirectory(directory: string, onChange: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(directory, onChange);
    watcher.on('error', onChange);
    return watcher;
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** A bell that remembers having been rung. */
class Wake {
  #rung = false;
  #resolve: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#resolve?.();
  }

  async next(): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
      });
    }
    this.#rung = false;
    this.#resolve = undefined;
  }
}

/** Where a reader stands: the open file of one attempt, and those that follow it. */
class LogCursor {
  readonly #directory: string;
  readonly #fromStart: boolean;
  #onLost: (() => void) | undefined;
  readonly #buffer = Buffer.allocUnsafe(chunkBytes);
  #files: number[] = [];
  #attempt = -1;
  #rest: Buffer = Buffer.alloc(0);

  constructor({ directory, fromStart = false, onLost }: ReadLogOptions) {
    this.#directory = directory;
    this.#fromStart = fromStart;
    this.#onLost = onLost;
  }

  /** Whole records from the current place on; none when all that is written has been read. */
  next(): LogRecord[] {
    for (;;) {
      if (this.#files.length === 0 && !this.#openNext()) return [];
      const read = readSync(this.#files[0]!, this.#buffer, 0, chunkBytes, null);
      if (read > 0) {
        if (this.#files.length < mostAhead) this.#openNext();
        const { records, rest } = parseRecords(Buffer.concat([this.#rest, this.#buffer.subarray(0, read)]));
        this.#rest = rest;
        if (records.length > 0) return records;
      } else if (this.#files.length > 1) {
        closeSync(this.#files.shift()!);
      } else if (!this.#openNext()) {
        // When another file has come, the next round reads what was still written to this one before.
        return [];
      }
    }
  }

  /** Opens everything there still is to read, so that unlinking it takes nothing from us. */
  openRest(): void {
    while (this.#openNext());
  }

  close(): void {
    for (const fd of this.#files) closeSync(fd);
    this.#files = [];
  }

  /** The file that took the current one's name (rotation), or the next attempt's. */
  #openNext(): boolean {
    if (this.#attempt < 0) {
      const first = this.#firstAttempt();
      return first !== undefined && this.#open(first);
    }
    const current = this.#files.at(-1);
    if (current !== undefined && isRotated(current, this.#path(this.#attempt))) {
      return this.#open(this.#attempt, this.#successor(current));
    }
    return existsSync(this.#path(this.#attempt + 1)) && this.#open(this.#attempt + 1);
  }

  /** Of the attempt's files (<n>.log.<time of rotation>, oldest first, then <n>.log) the one after the open one. */
  #successor(current: number): string {
    const name = `${this.#attempt}.log`;
    const rotated = readdirSync(this.#directory).filter((other) => other.startsWith(`${name}.`));
    const files = [...rotated.sort(), name].map((file) => join(this.#directory, file));
    const ino = fstatSync(current).ino;
    const index = files.findIndex((file) => statSync(file, { throwIfNoEntry: false })?.ino === ino);
    // The open one has been removed, and with it most likely its successors.
    if (index < 0) {
      this.#onLost?.();
      this.#onLost = undefined;
    }
    return files[index + 1]!;
  }

  #open(attempt: number, path = this.#path(attempt)): boolean {
    try {
      this.#files.push(openSync(path, 'r'));
    } catch (error) {
      if (errnoCode(error) === 'ENOENT') return false;
      throw error;
    }
    this.#attempt = attempt;
    return true;
  }

  #firstAttempt(): number | undefined {
    let names: string[];
    try {
      names = readdirSync(this.#directory);
    } catch (error) {
      if (errnoCode(error) === 'ENOENT') return undefined;
      throw error;
    }
    const attempts = names.filter((name) => /^\d+\.log$/.test(name)).map((name) => Number.parseInt(name, 10));
    if (attempts.length === 0) return undefined;
    return this.#fromStart ? Math.min(...attempts) : Math.max(...attempts);
  }

  #path(attempt: number): string {
    return join(this.#directory, `${attempt}.log`);
  }
}

function isRotated(fd: number, path: string): boolean {
  const now = statSync(path, { throwIfNoEntry: false });
  return now !== undefined && now.ino !== fstatSync(fd).ino;
}
