import { createReadStream } from 'node:fs';
import { PodrunError } from '../../errors.js';
import type { Descriptor } from '../format/descriptor.js';
import type { CompleteImage } from '../manage/complete.js';
import type { HttpResponse } from '../sources/http.js';
import type { RegistrySource } from '../sources/registry.js';
import type { Store } from '../store/store.js';

export interface PushContext {
  readonly store: Store;
  readonly registry: RegistrySource;
  readonly signal: AbortSignal;
}

/** Path and query of the place that the registry has opened for an upload; no other host gets our content or our login. */
function uploadPath(response: HttpResponse, digest: string): string {
  const location = response.header('location');
  const url = location !== undefined && URL.canParse(location, response.url.href) && new URL(location, response.url);
  if (!url) throw new PodrunError('ERR_PODRUN_REGISTRY_PROTOCOL', 'it opened an upload without saying where');
  if (url.host !== response.url.host)
    throw new PodrunError(
      'ERR_PODRUN_REGISTRY_REFUSED',
      `it wants the content to be sent to ${url.host}, another host`,
    );
  url.searchParams.set('digest', digest);
  return `${url.pathname}${url.search}`;
}

/** @returns whether it had to be sent */
async function pushBlob({ store, registry, signal }: PushContext, blob: Descriptor): Promise<boolean> {
  const known = await registry.ask({ method: 'HEAD', path: `blobs/${blob.digest}`, signal });
  await known.discard();
  if (known.status === 200) return false;
  if (known.status !== 404) throw await registry.refusal(known);
  const opened = await registry.ask({ method: 'POST', path: 'blobs/uploads/', headers: empty, signal });
  if (opened.status !== 202) throw await registry.refusal(opened);
  await opened.discard();
  const sent = await registry.ask({
    method: 'PUT',
    path: uploadPath(opened, blob.digest),
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(blob.sizeBytes) },
    upload: () => createReadStream(store.blob(blob.digest), { highWaterMark: 1 << 20 }),
    signal,
  });
  if (sent.status !== 201) throw await registry.refusal(sent);
  await sent.discard();
  return true;
}

const empty = { 'content-length': '0' };

/**
 * Sends what the registry has not, then the manifest under its tag or digest.
 * @returns how many blobs were sent
 * @see distribution-spec v1.1 "Push"
 */
export async function pushImage(
  context: PushContext,
  { manifest, manifestData }: CompleteImage,
  tagOrDigest: string,
): Promise<number> {
  const { registry, signal } = context;
  let uploaded = 0;
  const blobs = new Map([manifest.config, ...manifest.layers].map((blob) => [blob.digest, blob]));
  for (const blob of blobs.values()) if (await pushBlob(context, blob)) uploaded++;
  const { mediaType = 'application/vnd.oci.image.manifest.v1+json' } = JSON.parse(
    Buffer.from(manifestData).toString(),
  ) as { mediaType?: string };
  const path = `manifests/${tagOrDigest}`;
  const upload = () => manifestData;
  const answer = await registry.ask({ method: 'PUT', path, headers: { 'content-type': mediaType }, upload, signal });
  if (answer.status !== 201) throw await registry.refusal(answer);
  await answer.discard();
  return uploaded;
}
