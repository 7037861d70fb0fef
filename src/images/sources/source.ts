import type { Descriptor } from '../format/descriptor.js';
import type { ImageReference } from '../format/reference.js';

/** A manifest or index as it came, with its digest computed from these very bytes. */
export interface ManifestDocument {
  readonly digest: string;
  readonly data: Uint8Array;
  readonly contentType?: string | undefined;
}

export interface BlobStream {
  /** Where the body begins: what was asked for, or 0 when the other side can't do ranges. */
  readonly offset: number;
  /** Of the whole blob, when the other side says so. */
  readonly sizeBytes?: number | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}

export type Wanted = ImageReference['wanted'];

/**
 * One place that may have an image: a registry, one of its mirrors, an OCI layout. Bound to one repository.
 * Nothing that comes out of it is trusted: the caller compares sizes and digests.
 */
export interface ImageSource {
  /** For messages: "http://127.0.0.1:5000". */
  readonly name: string;
  /** The digest that a tag stands for at this moment, without fetching the manifest where that can be had. */
  resolve(wanted: Wanted, signal: AbortSignal): Promise<string>;
  /** @throws ERR_PODRUN_IMAGE_NOT_FOUND, ERR_PODRUN_REGISTRY_*, ERR_PODRUN_BLOB_DIGEST when the bytes are not those of the digest */
  fetchManifest(wanted: Wanted, signal: AbortSignal): Promise<ManifestDocument>;
  /** Reads a blob from `offset` on. */
  openBlob(blob: Descriptor, offset: number, signal: AbortSignal): Promise<BlobStream>;
}

/** Manifests of real images are kilobytes; distribution-spec v1.1 asks registries to take at least 4 MiB. */
export const maxManifestBytes = 4 * 1024 * 1024;
