import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { ReadEntry } from 'tar';
import { PodrunError } from '../../errors.js';
import type { Workspace } from '../store/workspace.js';

/** A regular file of an archive, copied to a file whose name we chose. */
export interface Member {
  readonly path: string;
  readonly sizeBytes: number;
  readonly digest: string;
}

export type Members = ReadonlyMap<string, Member>;

const maxMembers = 20_000;
const maxJsonBytes = 4 * 1024 * 1024;
/** Of the archive itself, should it be compressed; its layers are judged by themselves. */
const maxDecompressionRatio = 250;

export function refuseArchive(name: string, reason: string, cause?: unknown): PodrunError {
  return new PodrunError('ERR_PODRUN_ARCHIVE', `archive ${name} is refused: ${reason}`, { path: name, cause });
}

/** The key to look a member up by; its name never becomes a path of the machine. */
function keyOf(archive: string, path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (path.startsWith('/') || parts.includes('..') || path.includes('\0'))
    throw refuseArchive(archive, `it has a member named ${JSON.stringify(path)}`);
  return parts.join('/');
}

async function copy(entry: ReadEntry, path: string): Promise<Member> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of entry) {
      hash.update(chunk);
      await file.writeFile(chunk);
      sizeBytes += chunk.byteLength;
    }
  } finally {
    await file.close();
  }
  return { path, sizeBytes, digest: `sha256:${hash.digest('hex')}` };
}

class Reading {
  readonly members = new Map<string, Member>();
  #work: Promise<void> = Promise.resolve();
  #failure: unknown;
  #current: ReadEntry | undefined;

  constructor(
    private readonly archive: string,
    private readonly workspace: Workspace,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  /** Entries come one at a time: the next is not begun before this one was read. Links are neither kept nor followed. */
  take(entry: ReadEntry): void {
    this.#work = this.#work.then(() => this.#keep(entry)).catch((error) => this.fail(error));
  }

  fail(error: unknown): void {
    this.#failure ??= error;
    this.#current?.destroy(); // or it would wait for bytes that don't come any more
    this.onFailure(error);
  }

  async #keep(entry: ReadEntry): Promise<void> {
    const key = this.#failure === undefined && keyOf(this.archive, entry.path);
    if (!key || (entry.type !== 'File' && entry.type !== 'OldFile')) {
      entry.resume();
      return;
    }
    if (this.members.has(key)) throw refuseArchive(this.archive, `it has ${JSON.stringify(key)} twice`);
    if (this.members.size >= maxMembers) throw refuseArchive(this.archive, `it has more than ${maxMembers} members`);
    this.#current = entry;
    const member = await copy(entry, this.workspace.path('member'));
    this.#current = undefined;
    if (member.sizeBytes !== entry.size) throw refuseArchive(this.archive, `it ends within ${JSON.stringify(key)}`);
    this.members.set(key, member);
  }

  async done(): Promise<Members> {
    await this.#work;
    if (this.#failure !== undefined) throw this.#failure;
    return this.members;
  }
}

/**
 * Copies the regular files of a tar, gzipped or not, into the workspace, under names of our own.
 * @throws ERR_PODRUN_ARCHIVE, the stream's own errors, ERR_PODRUN_STORE_FULL
 */
export async function readMembers(
  archive: string,
  from: Readable,
  workspace: Workspace,
  signal: AbortSignal,
): Promise<Members> {
  const { Parser } = await import('tar');
  const parser = new Parser({ strict: true, maxDecompressionRatio });
  const stop = new AbortController();
  const reading = new Reading(archive, workspace, () => {
    stop.abort();
    from.destroy();
  });
  const ended = new Promise<void>((resolve) => parser.on('end', resolve));
  const stopped = new Promise<void>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve());
  });
  parser.on('entry', (entry: ReadEntry) => reading.take(entry));
  parser.on('error', (error: Error) => reading.fail(refuseArchive(archive, error.message, error)));
  const onAbort = () => reading.fail(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    for await (const chunk of from) {
      if (parser.write(chunk as Buffer)) continue;
      await Promise.race([new Promise((resolve) => parser.once('drain', resolve)), stopped]);
    }
    parser.end();
    await Promise.race([ended, stopped]);
  } catch (error) {
    reading.fail(error);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  return reading.done();
}

/** @throws ERR_PODRUN_ARCHIVE */
export function readJsonMember(archive: string, members: Members, name: string): unknown {
  const member = members.get(name);
  if (!member) throw refuseArchive(archive, `it has no file ${JSON.stringify(name)}`);
  if (member.sizeBytes > maxJsonBytes) throw refuseArchive(archive, `${name} is longer than ${maxJsonBytes} bytes`);
  try {
    return JSON.parse(readFileSync(member.path, 'utf8'));
  } catch (cause) {
    throw refuseArchive(archive, `${name} is not JSON`, cause);
  }
}
