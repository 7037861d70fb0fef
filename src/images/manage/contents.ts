import { type Dirent, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoCode } from '../../errors.js';
import { hexOf } from '../format/digest.js';
import { type ImageManifest, parseManifest } from '../format/manifest.js';
import { readBlob } from '../store/blobs.js';
import type { ImageRecord, Store } from '../store/store.js';

export interface Item {
  /** Hexadecimal part of the digest or ChainID. */
  readonly hex: string;
  readonly sizeBytes: number;
}

function entries(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return [];
    throw error;
  }
}

export function storedBlobs({ root }: Store): Item[] {
  const directory = join(root, 'blobs', 'sha256');
  return entries(directory).map(({ name }) => ({
    hex: name,
    sizeBytes: lstatSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0,
  }));
}

export function layerSize(directory: string): number {
  try {
    const { sizeBytes } = JSON.parse(readFileSync(join(directory, 'layer.json'), 'utf8')) as { sizeBytes?: unknown };
    return typeof sizeBytes === 'number' ? sizeBytes : 0;
  } catch {
    return 0; // of a layer whose note is gone, only the size is not known
  }
}

export function storedLayers({ root }: Store): Item[] {
  const directory = join(root, 'layers');
  return entries(directory).map(({ name }) => ({ hex: name, sizeBytes: layerSize(join(directory, name)) }));
}

/** Bytes of a tree of files, as they are allocated, following no link. */
export function treeSize(path: string): number {
  return entries(path).reduce((sum, entry) => {
    const child = join(path, entry.name);
    const stat = lstatSync(child, { throwIfNoEntry: false });
    return sum + (stat ? stat.blocks * 512 : 0) + (entry.isDirectory() ? treeSize(child) : 0);
  }, 0);
}

/** The manifest that a record stands for, or undefined when the store has it no more. */
export async function manifestOf(store: Store, record: ImageRecord): Promise<ImageManifest | undefined> {
  const data = await readBlob(store, record.manifestDigest);
  if (!data) return undefined;
  const parsed = parseManifest(record.reference, data);
  return parsed.kind === 'manifest' ? parsed : undefined;
}

/** Hexadecimal digests of the blobs that an image is made of: index, manifest, config, layers. */
export async function blobsOf(store: Store, record: ImageRecord): Promise<string[]> {
  const manifest = await manifestOf(store, record);
  const layers = manifest?.layers.map(({ digest }) => digest) ?? [];
  return [record.digest, record.manifestDigest, record.configDigest, ...layers].map(hexOf);
}
