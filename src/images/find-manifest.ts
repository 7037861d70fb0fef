import { PodrunError } from '../errors.js';
import type { Descriptor, Platform } from './format/descriptor.js';
import { type ImageManifest, parseManifest } from './format/manifest.js';
import { choosePlatform } from './format/platform.js';
import { firstOf } from './sources/first-of.js';
import type { ImageSource, ManifestDocument, Wanted } from './sources/source.js';
import { type BlobContext, keepBlob, readBlob } from './store/blobs.js';

export interface FindContext extends BlobContext {
  /** The reference, for messages. */
  readonly image: string;
  readonly platform: Platform;
}

export interface FoundManifest {
  readonly manifest: ImageManifest;
  readonly manifestDigest: string;
  /** Of the document that the reference stands for: an index's, or the manifest's own. */
  readonly digest: string;
  /** The place that had it goes first from now on. */
  readonly sources: readonly ImageSource[];
}

/** An index in an index in an index is enough. */
const maxDepth = 3;

/** A manifest by digest comes from the store when it is there: it can't have changed. */
async function fetchManifest(
  context: FindContext,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<{ document: ManifestDocument; source?: ImageSource }> {
  if ('digest' in wanted) {
    const data = await readBlob(context.store, wanted.digest);
    if (data) return { document: { digest: wanted.digest, data } };
  }
  const { answer, source } = await firstOf(`image ${context.image}`, context.sources, (one) =>
    one.fetchManifest(wanted, signal),
  );
  await keepBlob(context, answer.digest, answer.data);
  return { document: answer, source };
}

/**
 * Follows indexes down to the manifest of our platform.
 * @throws ERR_PODRUN_IMAGE_*, ERR_PODRUN_REGISTRY_*, ERR_PODRUN_BLOB_DIGEST, ERR_PODRUN_BLOB_SIZE
 */
export async function findManifest(context: FindContext, wanted: Wanted, signal: AbortSignal): Promise<FoundManifest> {
  const { image } = context;
  let next: { wanted: Wanted; entry?: Descriptor } = { wanted };
  let digest: string | undefined;
  let { sources } = context;
  for (let depth = 0; depth <= maxDepth; depth++) {
    const { document, source } = await fetchManifest({ ...context, sources }, next.wanted, signal);
    if (source) sources = [source, ...sources.filter((other) => other !== source)];
    digest ??= document.digest;
    if (next.entry && document.data.byteLength !== next.entry.sizeBytes) {
      throw new PodrunError(
        'ERR_PODRUN_BLOB_SIZE',
        `manifest ${document.digest} of ${image} has not the size its index says`,
        { image },
      );
    }
    const parsed = parseManifest(image, document.data, {
      contentType: document.contentType,
      descriptorType: next.entry?.mediaType,
    });
    if (parsed.kind === 'manifest') return { manifest: parsed, manifestDigest: document.digest, digest, sources };
    const entry = choosePlatform(image, parsed, context.platform);
    next = { wanted: { digest: entry.digest }, entry };
  }
  throw new PodrunError('ERR_PODRUN_IMAGE_MANIFEST', `index of ${image} is nested more than ${maxDepth} deep`, {
    image,
  });
}
