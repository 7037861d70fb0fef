import { PodrunError } from '../errors.js';
import { parseConfig } from './format/config.js';
import { type Descriptor, type Platform, platformMatches, platformText } from './format/descriptor.js';
import { chainIds } from './format/digest.js';
import { type ImageManifest, parseManifest } from './format/manifest.js';
import { choosePlatform, wrongPlatform } from './format/platform.js';
import type { ImageReference } from './format/reference.js';
import { firstOf } from './sources/first-of.js';
import type { ImageSource, ManifestDocument, Wanted } from './sources/source.js';
import { fetchSmall, keepBlob, readBlob } from './store/blobs.js';
import { ensureLayers, type Layer, type LayerContext } from './store/layers.js';
import type { ImageRecord } from './store/store.js';

/** Everything a pull works with; `sources` is ordered by the reference's mirrors. */
export interface PullContext extends LayerContext {
  readonly reference: ImageReference;
  readonly platform: Platform;
}

/** An index in an index in an index is enough. */
const maxDepth = 3;

/** A manifest by digest comes from the store when it is there: it can't have changed. */
async function fetchManifest(
  context: PullContext,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<{ document: ManifestDocument; source?: ImageSource }> {
  if ('digest' in wanted) {
    const data = await readBlob(context.store, wanted.digest);
    if (data) return { document: { digest: wanted.digest, data } };
  }
  const { answer, source } = await firstOf(`image ${context.reference.text}`, context.sources, (one) =>
    one.fetchManifest(wanted, signal),
  );
  await keepBlob(context, answer.digest, answer.data);
  return { document: answer, source };
}

interface Found {
  readonly manifest: ImageManifest;
  readonly manifestDigest: string;
  /** Of the document that the reference stands for: an index's, or the manifest's own. */
  readonly digest: string;
  /** The place that had it goes first from now on. */
  readonly sources: readonly ImageSource[];
}

/** Follows indexes down to the manifest of our platform. */
async function findManifest(context: PullContext, wanted: Wanted, signal: AbortSignal): Promise<Found> {
  const { text } = context.reference;
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
        `manifest ${document.digest} of ${text} has not the size its index says`,
        { image: text },
      );
    }
    const parsed = parseManifest(text, document.data, {
      contentType: document.contentType,
      descriptorType: next.entry?.mediaType,
    });
    if (parsed.kind === 'manifest') return { manifest: parsed, manifestDigest: document.digest, digest, sources };
    const entry = choosePlatform(text, parsed, context.platform);
    next = { wanted: { digest: entry.digest }, entry };
  }
  throw new PodrunError('ERR_PODRUN_IMAGE_MANIFEST', `index of ${text} is nested more than ${maxDepth} deep`, {
    image: text,
  });
}

function pairLayers(image: string, manifest: ImageManifest, diffIds: readonly string[]): Layer[] {
  if (manifest.layers.length !== diffIds.length) {
    const message = `config of image ${image} names ${diffIds.length} layers, its manifest ${manifest.layers.length}`;
    throw new PodrunError('ERR_PODRUN_IMAGE_CONFIG', message, { image });
  }
  if (diffIds.length === 0)
    throw new PodrunError('ERR_PODRUN_IMAGE_MANIFEST', `image ${image} has no layers`, { image });
  const chains = chainIds(diffIds);
  return manifest.layers.map((blob, i) => ({ blob, diffId: diffIds[i] ?? '', chainId: chains[i] ?? '' }));
}

/**
 * Brings an image into the store: manifest, config, layers downloaded, verified and unpacked.
 * @param wanted  the reference's own tag or digest, or the digest that its tag was just found to stand for
 * @returns the record that is to be written under the reference
 */
export async function pullImage(context: PullContext, wanted: Wanted, signal: AbortSignal): Promise<ImageRecord> {
  const { text } = context.reference;
  const { manifest, manifestDigest, digest, sources } = await findManifest(context, wanted, signal);
  const config = parseConfig(text, await fetchSmall({ ...context, sources }, manifest.config, signal));
  if (!platformMatches(config.platform, context.platform))
    throw wrongPlatform(text, context.platform, [platformText(config.platform)]);
  const layers = pairLayers(text, manifest, config.diffIds);
  await ensureLayers({ ...context, sources }, layers, signal);
  return {
    version: 1,
    reference: text,
    digest,
    manifestDigest,
    configDigest: manifest.config.digest,
    platform: config.platform,
    config: config.config,
    chainIds: layers.map(({ chainId }) => chainId),
  };
}
