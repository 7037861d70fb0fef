import { PodrunError } from '../../errors.js';
import type { Descriptor } from '../format/descriptor.js';
import type { ImageManifest } from '../format/manifest.js';
import { parseReference } from '../format/reference.js';
import type { PullTools } from '../pull.js';
import type { ImageSource } from '../sources/source.js';
import { ensureBlob, fetchSmall, readBlob } from '../store/blobs.js';
import type { ImageRecord } from '../store/store.js';
import type { Workspace } from '../store/workspace.js';
import { manifestOf } from './contents.js';

export interface CompleteImage {
  readonly record: ImageRecord;
  readonly manifest: ImageManifest;
  readonly manifestData: Uint8Array;
}

export type SourcesFor = (reference: ReturnType<typeof parseReference>) => Promise<readonly ImageSource[]>;

/**
 * Makes sure that all blobs of an image are in the store. They are after a pull, unless a layer was unpacked for another image
 * already, from a blob that was compressed in another way: then it comes from where the image came from.
 */
export async function completeImage(
  tools: PullTools & { readonly workspace: Workspace },
  record: ImageRecord,
  sourcesFor: SourcesFor,
  signal: AbortSignal,
): Promise<CompleteImage> {
  const { reference } = record;
  const manifest = await manifestOf(tools.store, record);
  const manifestData = await readBlob(tools.store, record.manifestDigest);
  if (!manifest || !manifestData)
    throw new PodrunError('ERR_PODRUN_STORE', `the manifest of image ${reference} is not in the store`, {
      image: reference,
      hint: `podrun rmi ${reference}, and pull it again`,
    });
  const missing = [manifest.config, ...manifest.layers].filter(
    (blob) => !tools.store.hasBlob(blob.digest, blob.sizeBytes),
  );
  if (missing.length > 0) await fetchMissing(tools, reference, missing, { sourcesFor, signal });
  return { record, manifest, manifestData };
}

async function fetchMissing(
  tools: PullTools & { readonly workspace: Workspace },
  reference: string,
  missing: readonly Descriptor[],
  { sourcesFor, signal }: { readonly sourcesFor: SourcesFor; readonly signal: AbortSignal },
): Promise<void> {
  const context = { ...tools, sources: await sourcesFor(parseReference(reference)) };
  for (const blob of missing) await ensureBlob(context, { blob, signal });
}

/** The config file of an image, as it is. */
export async function readConfigFile(
  tools: PullTools & { readonly workspace: Workspace },
  { record, manifest }: Pick<CompleteImage, 'record' | 'manifest'>,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const data = await fetchSmall({ ...tools, sources: [] }, manifest.config, signal);
  try {
    return JSON.parse(Buffer.from(data).toString()) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    const message = `config of image ${record.reference} is not JSON`;
    throw new PodrunError('ERR_PODRUN_IMAGE_CONFIG', message, { image: record.reference, cause });
  }
}
