import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { PodrunError } from '../../errors.js';
import type { Descriptor } from '../format/descriptor.js';
import { digestOf } from '../format/digest.js';
import {
  type BlobStream,
  type ImageSource,
  type ManifestDocument,
  maxManifestBytes,
  type Wanted,
} from '../sources/source.js';
import type { Member } from './members.js';

/** Content of an archive by digest; trusted no more than a registry. */
export class ArchiveSource implements ImageSource {
  constructor(
    readonly name: string,
    /** digest -> file */
    private readonly blobs: ReadonlyMap<string, Pick<Member, 'path' | 'sizeBytes'>>,
    /** Manifests that the archive's format has no file for. */
    private readonly made: ReadonlyMap<string, Uint8Array> = new Map(),
  ) {}

  async resolve(wanted: Wanted): Promise<string> {
    return (await this.fetchManifest(wanted)).digest;
  }

  async fetchManifest(wanted: Wanted): Promise<ManifestDocument> {
    const wantedDigest = 'digest' in wanted ? wanted.digest : '';
    const data = this.made.get(wantedDigest) ?? (await this.#read(wantedDigest));
    const digest = digestOf(data);
    if (digest === wantedDigest) return { digest, data };
    throw new PodrunError('ERR_PODRUN_BLOB_DIGEST', `the manifest has digest ${digest}, not ${wantedDigest}`);
  }

  async openBlob({ digest }: Descriptor, offset: number, signal: AbortSignal): Promise<BlobStream> {
    const { path, sizeBytes } = this.#find(digest);
    return { offset, sizeBytes, body: createReadStream(path, { start: offset, signal, highWaterMark: 1024 * 1024 }) };
  }

  #find(digest: string): Pick<Member, 'path' | 'sizeBytes'> {
    const found = this.blobs.get(digest);
    if (found) return found;
    throw new PodrunError('ERR_PODRUN_IMAGE_NOT_FOUND', `it has no blob ${digest}`);
  }

  async #read(digest: string): Promise<Uint8Array> {
    const { path, sizeBytes } = this.#find(digest);
    if (sizeBytes > maxManifestBytes)
      throw new PodrunError('ERR_PODRUN_IMAGE_MANIFEST', `manifest ${digest} is longer than ${maxManifestBytes} bytes`);
    return readFile(path);
  }
}
