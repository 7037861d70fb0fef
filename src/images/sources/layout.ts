import { createReadStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoCode, PodrunError } from '../../errors.js';
import type { Descriptor } from '../format/descriptor.js';
import { digestOf, hexOf } from '../format/digest.js';
import { type IndexEntry, parseManifest } from '../format/manifest.js';
import { type BlobStream, type ImageSource, type ManifestDocument, maxManifestBytes, type Wanted } from './source.js';

const tagAnnotation = 'org.opencontainers.image.ref.name';

/**
 * A directory in the OCI image layout.
 * @see image-spec v1.1 image-layout.md
 */
export class LayoutSource implements ImageSource {
  readonly name: string;

  constructor(private readonly directory: string) {
    this.name = directory;
  }

  async resolve(wanted: Wanted): Promise<string> {
    if ('digest' in wanted) return (await this.fetchManifest(wanted)).digest;
    return (await this.#entry(wanted.tag)).digest;
  }

  async fetchManifest(wanted: Wanted): Promise<ManifestDocument> {
    const entry = 'tag' in wanted ? await this.#entry(wanted.tag) : undefined;
    const digest = 'digest' in wanted ? wanted.digest : (entry?.digest ?? '');
    const data = await this.#read(this.#blobPath(digest), maxManifestBytes);
    const actual = digestOf(data);
    if (actual !== digest)
      throw new PodrunError('ERR_PODRUN_BLOB_DIGEST', `the manifest has digest ${actual}, not ${digest}`);
    return { digest, data, contentType: entry?.mediaType };
  }

  async openBlob(blob: Descriptor, offset: number, signal: AbortSignal): Promise<BlobStream> {
    const path = this.#blobPath(blob.digest);
    const file = await open(path).catch((error: unknown) => Promise.reject(notThere(path, error)));
    const { size } = await file.stat();
    return {
      offset,
      sizeBytes: size,
      body: createReadStream('', { fd: file, start: offset, signal, highWaterMark: 1024 * 1024 }),
    };
  }

  /** The entry with the tag; a layout with one entry that carries no name at all has every tag. */
  async #entry(tag: string): Promise<IndexEntry> {
    const path = join(this.directory, 'index.json');
    const data = await this.#read(path, maxManifestBytes);
    const index = parseManifest(path, data, { contentType: 'application/vnd.oci.image.index.v1+json' });
    const entries = index.kind === 'index' ? index.manifests : [];
    const only = entries.length === 1 && entries[0]?.annotations[tagAnnotation] === undefined ? entries[0] : undefined;
    const found = entries.find(({ annotations }) => annotations[tagAnnotation] === tag) ?? only;
    if (found) return found;
    const tags = entries.map(({ annotations }) => annotations[tagAnnotation]).filter(Boolean);
    throw new PodrunError(
      'ERR_PODRUN_IMAGE_NOT_FOUND',
      `no tag ${JSON.stringify(tag)}, it has ${tags.join(', ') || 'none'}`,
      { path },
    );
  }

  #blobPath(digest: string): string {
    return join(this.directory, 'blobs', 'sha256', hexOf(digest));
  }

  async #read(path: string, maxBytes: number): Promise<Uint8Array> {
    try {
      const file = await open(path);
      try {
        const { size } = await file.stat();
        if (size > maxBytes)
          throw new PodrunError('ERR_PODRUN_IMAGE_MANIFEST', `${path} is longer than ${maxBytes} bytes`);
        return await readFile(file);
      } finally {
        await file.close();
      }
    } catch (error) {
      throw notThere(path, error);
    }
  }
}

function notThere(path: string, error: unknown): unknown {
  if (errnoCode(error) !== 'ENOENT') return error;
  return new PodrunError('ERR_PODRUN_IMAGE_NOT_FOUND', `there is no ${path}`, { path, cause: error });
}
