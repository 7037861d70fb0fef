import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoCode, PodrunError } from '../../errors.js';
import { type Platform, platformMatches } from '../format/descriptor.js';
import { digestOf, hexOf, isDigest } from '../format/digest.js';
import type { Image, ImageConfig } from '../image.js';

/** Everything a second use of an image needs, so that it reads this one file and nothing else. */
export interface ImageRecord {
  readonly version: 1;
  readonly reference: string;
  /** What the reference stood for when it was pulled: the index's digest where there is one. */
  readonly digest: string;
  readonly manifestDigest: string;
  readonly configDigest: string;
  readonly platform: Platform;
  readonly config: ImageConfig;
  /** Bottom first. */
  readonly chainIds: readonly string[];
}

/**
 * The files of the image store, all of them below one directory that only root enters:
 * ```
 * blobs/sha256/<hex>      manifests, configs and layers as they came, verified and synced before they got this name
 * layers/<ChainID>/fs     unpacked layers, shared read-only; layer.json beside it
 * images/<hex>.json       one record per reference, named by the sha256 of the reference
 * ingest/                 work in progress, one directory per pull (see workspace.ts)
 * locks/                  one file per blob or layer that somebody works on
 * ```
 */
export class Store {
  constructor(readonly root: string) {}

  get ingest(): string {
    return join(this.root, 'ingest');
  }

  get locks(): string {
    return join(this.root, 'locks');
  }

  /** Makes the directories. A setuid program in a layer must be out of reach for the host's users: hence 0700. */
  prepare(): void {
    mkdirSync(this.root, { recursive: true, mode: 0o700 });
    for (const name of ['blobs/sha256', 'layers', 'images', 'ingest', 'locks']) {
      mkdirSync(join(this.root, name), { recursive: true, mode: 0o700 });
    }
  }

  blob(digest: string): string {
    return join(this.root, 'blobs', 'sha256', hexOf(digest));
  }

  hasBlob(digest: string, sizeBytes: number): boolean {
    return statSync(this.blob(digest), { throwIfNoEntry: false })?.size === sizeBytes;
  }

  layer(chainId: string): string {
    return join(this.root, 'layers', hexOf(chainId));
  }

  hasLayer(chainId: string): boolean {
    return existsSync(join(this.layer(chainId), 'fs'));
  }

  /** The image of a record, or undefined when a layer of it is not there any more. */
  image(record: ImageRecord): Image | undefined {
    const { reference, manifestDigest, configDigest, platform, config, chainIds } = record;
    if (!chainIds.every((chainId) => this.hasLayer(chainId))) return undefined;
    const lowerdirs = chainIds.map((chainId) => join(this.layer(chainId), 'fs')).reverse();
    return { reference, manifestDigest, configDigest, platform, config, lowerdirs };
  }

  /** An unreadable record counts as none: the next pull writes it anew. */
  record(reference: string, platform: Platform): ImageRecord | undefined {
    let found: Partial<ImageRecord>;
    try {
      found = JSON.parse(readFileSync(this.#recordPath(reference), 'utf8'));
    } catch (error) {
      if (error instanceof SyntaxError || errnoCode(error) === 'ENOENT') return undefined;
      throw storeError(`read the record of image ${reference}`, error);
    }
    const usable =
      found?.version === 1 &&
      found.reference === reference &&
      found.config !== undefined &&
      found.platform !== undefined &&
      platformMatches(found.platform, platform) &&
      found.chainIds?.every(isDigest) === true;
    return usable ? (found as ImageRecord) : undefined;
  }

  /** @param temporary  a path of the caller's own on the same filesystem */
  writeRecord(record: ImageRecord, temporary: string): void {
    writeFileSync(temporary, JSON.stringify(record), { mode: 0o600, flush: true });
    renameSync(temporary, this.#recordPath(record.reference));
  }

  /** By the reference itself where that makes a file name: loading node:crypto for a digest costs 4 ms of every start. */
  #recordPath(reference: string): string {
    const name = encodeURIComponent(reference);
    return join(this.root, 'images', `${name.length <= maxName ? name : hexOf(digestOf(reference))}.json`);
  }
}

/** NAME_MAX is 255; what is added to it is short. */
const maxName = 240;

const fullDisk = new Set(['ENOSPC', 'EDQUOT']);

/** @param what  "write layer sha256:..." */
export function storeError(what: string, error: unknown): unknown {
  if (
    error instanceof PodrunError ||
    !(error instanceof Error) ||
    typeof (error as { errno?: unknown }).errno !== 'number'
  )
    return error;
  const { errno, syscall, path } = error as NodeJS.ErrnoException;
  const details = { cause: error, errno: Math.abs(errno ?? 0), syscall, path };
  const code = errnoCode(error) ?? '';
  if (!fullDisk.has(code)) return new PodrunError('ERR_PODRUN_STORE', `cannot ${what}: ${error.message}`, details);
  return new PodrunError(
    'ERR_PODRUN_STORE_FULL',
    `cannot ${what}: ${code === 'EDQUOT' ? 'the disk quota is used up' : 'the disk is full'}`,
    {
      ...details,
      hint: 'free some space on the filesystem of the image store; what this pull had written is removed',
    },
  );
}
