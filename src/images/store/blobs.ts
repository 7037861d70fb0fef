import { createHash, type Hash } from 'node:crypto';
import { renameSync } from 'node:fs';
import { type FileHandle, open, readFile, rm } from 'node:fs/promises';
import type { Clock } from '../../clock.js';
import { errnoCode, PodrunError } from '../../errors.js';
import type { Descriptor } from '../format/descriptor.js';
import { digestOf, hexOf } from '../format/digest.js';
import { firstOf } from '../sources/first-of.js';
import { backoffMs, isTransient } from '../sources/http.js';
import type { ImageSource } from '../sources/source.js';
import type { Locks } from './locks.js';
import { type Store, storeError } from './store.js';
import type { Workspace } from './workspace.js';

export interface BlobContext {
  readonly clock: Clock;
  readonly store: Store;
  readonly locks: Locks;
  readonly workspace: Workspace;
  /** Where to ask, best first. */
  readonly sources: readonly ImageSource[];
}

/** Cuts in a row without one more byte, after which a source is given up. */
const maxFruitless = 5;
const batchBytes = 1024 * 1024;
const maxSmallBytes = 8 * 1024 * 1024;

interface DownloadOptions {
  readonly file: FileHandle;
  readonly blob: Descriptor;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onBytes: (received: number) => void;
}

/** A blob on its way into a file, hashed as it is written. */
class Download {
  #hash: Hash = createHash('sha256');
  #batch: Uint8Array[] = [];
  #batchBytes = 0;
  #received = 0;

  constructor(private readonly options: DownloadOptions) {}

  /** Fetches all of it from one source, going on where a cut connection ended. */
  async from(source: ImageSource): Promise<void> {
    const { blob, clock, signal } = this.options;
    await this.#restart(); // what another source sent is not trusted any more
    for (let fruitless = 0; ; fruitless++) {
      const before = this.#received;
      const cause = await this.#receive(source);
      if (this.#received === blob.sizeBytes) return this.#finish();
      if (this.#received > before) fruitless = 0;
      if (fruitless >= maxFruitless) {
        const message = `the transfer of ${blob.digest} ends at byte ${this.#received} of ${blob.sizeBytes}, again and again`;
        throw new PodrunError('ERR_PODRUN_REGISTRY_UNAVAILABLE', message, { cause });
      }
      await clock.sleep(backoffMs(fruitless), signal);
    }
  }

  /** Takes what one request gives, and returns the error that cut it short, if that is what happened. */
  async #receive(source: ImageSource): Promise<unknown> {
    const { blob, signal, onBytes } = this.options;
    try {
      const stream = await source.openBlob(blob, this.#received, signal);
      if (stream.sizeBytes !== undefined && stream.sizeBytes !== blob.sizeBytes) {
        throw wrongSize(blob, String(stream.sizeBytes));
      }
      if (stream.offset !== this.#received) await this.#restart();
      for await (const chunk of stream.body) {
        await this.#add(chunk);
        onBytes(this.#received);
      }
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      if (!isTransient(error)) throw error;
      return error;
    }
  }

  async #restart(): Promise<void> {
    this.#hash = createHash('sha256');
    this.#batch = [];
    this.#batchBytes = 0;
    this.#received = 0;
    await this.options.file.truncate(0);
  }

  async #add(chunk: Uint8Array): Promise<void> {
    this.#received += chunk.byteLength;
    if (this.#received > this.options.blob.sizeBytes) throw wrongSize(this.options.blob, 'more');
    this.#hash.update(chunk);
    this.#batch.push(chunk);
    this.#batchBytes += chunk.byteLength;
    if (this.#batchBytes >= batchBytes) await this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    const position = this.#received - this.#batchBytes;
    this.#batch = [];
    this.#batchBytes = 0;
    await writeAll(this.options.file, batch, position);
  }

  /** Complete, verified and on disk; only then may it get its name. */
  async #finish(): Promise<void> {
    const { file, blob } = this.options;
    await this.#flush();
    const digest = `sha256:${this.#hash.digest('hex')}`;
    if (digest !== blob.digest) {
      throw new PodrunError('ERR_PODRUN_BLOB_DIGEST', `blob ${blob.digest} arrived with digest ${digest}`);
    }
    await file.datasync();
  }
}

/** One writev(2) may write less than asked for, as it does when the disk fills; the rest then says why. */
async function writeAll(file: FileHandle, batch: readonly Uint8Array[], position: number): Promise<void> {
  const { bytesWritten } = await file.writev(batch, position);
  if (bytesWritten === batch.reduce((total, chunk) => total + chunk.byteLength, 0)) return;
  let rest = Buffer.concat(batch).subarray(bytesWritten);
  for (let at = position + bytesWritten; rest.byteLength > 0; ) {
    const { bytesWritten: more } = await file.write(rest, 0, rest.byteLength, at);
    rest = rest.subarray(more);
    at += more;
  }
}

function wrongSize(blob: Descriptor, got: string): PodrunError {
  return new PodrunError(
    'ERR_PODRUN_BLOB_SIZE',
    `blob ${blob.digest} should have ${blob.sizeBytes} bytes and has ${got}`,
  );
}

interface BlobRequest {
  readonly blob: Descriptor;
  readonly signal: AbortSignal;
  readonly onBytes?: (received: number) => void;
}

async function download(context: BlobContext, { blob, signal, onBytes = () => {} }: BlobRequest): Promise<void> {
  const { clock, store, sources, workspace } = context;
  const temporary = workspace.path(hexOf(blob.digest));
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      const into = new Download({ file, blob, clock, signal, onBytes });
      await firstOf(`blob ${blob.digest}`, sources, (source) => into.from(source));
    } finally {
      await file.close();
    }
    renameSync(temporary, store.blob(blob.digest));
  } catch (error) {
    await rm(temporary, { force: true });
    throw storeError(`write blob ${blob.digest}`, error);
  }
}

/**
 * Makes sure that a blob is in the store: complete, of the right size and digest. Of all who want it at once, one downloads.
 * @returns its path
 * @throws ERR_PODRUN_BLOB_DIGEST, ERR_PODRUN_BLOB_SIZE, ERR_PODRUN_REGISTRY_*, ERR_PODRUN_STORE, ERR_PODRUN_STORE_FULL
 */
export async function ensureBlob(context: BlobContext, request: BlobRequest): Promise<string> {
  const { store, locks } = context;
  const { digest, sizeBytes } = request.blob;
  const path = store.blob(digest);
  if (store.hasBlob(digest, sizeBytes)) return path;
  const release = await locks.acquire(`blob-${hexOf(digest)}`, request.signal);
  try {
    if (!store.hasBlob(digest, sizeBytes)) await download(context, request);
    return path;
  } finally {
    release();
  }
}

/** Reads a blob of the store if it is there; one that is not what its name says was damaged, and is removed. */
export async function readBlob(store: Store, digest: string): Promise<Uint8Array | undefined> {
  const path = store.blob(digest);
  try {
    const data = await readFile(path);
    if (digestOf(data) === digest) return data;
    await rm(path, { force: true });
    return undefined;
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return undefined;
    throw storeError(`read blob ${digest}`, error);
  }
}

/** A small blob's content, from the store or from where it comes from. */
export async function fetchSmall(context: BlobContext, blob: Descriptor, signal: AbortSignal): Promise<Uint8Array> {
  if (blob.sizeBytes > maxSmallBytes) throw wrongSize(blob, `no business being longer than ${maxSmallBytes}`);
  const known = await readBlob(context.store, blob.digest);
  if (known) return known;
  await ensureBlob(context, { blob, signal });
  const fetched = await readBlob(context.store, blob.digest);
  if (!fetched) throw new PodrunError('ERR_PODRUN_STORE', `blob ${blob.digest} changed while it was read`);
  return fetched;
}

/** Puts bytes into the store that were verified already. */
export async function keepBlob({ store, workspace }: BlobContext, digest: string, data: Uint8Array): Promise<void> {
  const temporary = workspace.path(hexOf(digest));
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(data);
    await file.datasync();
  } catch (error) {
    throw storeError(`write blob ${digest}`, error);
  } finally {
    await file.close();
  }
  renameSync(temporary, store.blob(digest));
}
