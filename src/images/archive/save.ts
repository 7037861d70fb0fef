import { createHash } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { PodrunError } from '../../errors.js';
import { parseConfig } from '../format/config.js';
import { hexOf } from '../format/digest.js';
import type { CompleteImage } from '../manage/complete.js';
import type { ArchiveFormat } from '../manage/types.js';
import { readBlob } from '../store/blobs.js';
import type { Store } from '../store/store.js';
import type { Workspace } from '../store/workspace.js';

interface SaveContext {
  readonly store: Store;
  readonly workspace: Workspace;
  readonly signal: AbortSignal;
}

/** Blobs get a second name beside the files that are made for the archive: nothing is copied. */
function linkBlob({ store }: SaveContext, stage: string, digest: string): void {
  const to = join(stage, 'blobs', 'sha256', hexOf(digest));
  if (!statSync(to, { throwIfNoEntry: false })) linkSync(store.blob(digest), to);
}

/** @see image-spec v1.1 image-layout.md; the second annotation is what containerd and Docker go by */
function stageOci(context: SaveContext, stage: string, images: readonly CompleteImage[]): string[] {
  mkdirSync(join(stage, 'blobs', 'sha256'), { recursive: true });
  const manifests = images.map(({ record, manifest, manifestData }) => {
    for (const { digest } of [manifest.config, ...manifest.layers]) linkBlob(context, stage, digest);
    linkBlob(context, stage, record.manifestDigest);
    const { mediaType = 'application/vnd.oci.image.manifest.v1+json' } = JSON.parse(
      Buffer.from(manifestData).toString(),
    ) as { mediaType?: string };
    return {
      mediaType,
      digest: record.manifestDigest,
      size: manifestData.byteLength,
      platform: record.platform,
      annotations: {
        'io.containerd.image.name': record.reference,
        'org.opencontainers.image.ref.name': record.reference,
      },
    };
  });
  const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests };
  writeFileSync(join(stage, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  writeFileSync(join(stage, 'index.json'), JSON.stringify(index));
  return ['oci-layout', 'index.json', 'blobs'];
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
    if (buffer.readUInt32BE() === 0x28b52ffd)
      throw new PodrunError('ERR_PODRUN_ARCHIVE', 'a docker-archive has no layers in zstd', {
        hint: 'save it as oci-archive',
      });
    return buffer.readUInt16BE() === 0x1f8b;
  } finally {
    await file.close();
  }
}

/** Layers of a docker-archive are plain tars, named by their DiffIDs. */
async function stageLayer(context: SaveContext, blob: string, diffId: string, to: string): Promise<void> {
  if (statSync(to, { throwIfNoEntry: false })) return;
  const hash = createHash('sha256');
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const path = context.store.blob(blob);
  const [from, into] = [createReadStream(path, { highWaterMark: 1 << 20 }), createWriteStream(to, { mode: 0o644 })];
  const { signal } = context;
  if (await isGzip(path)) await pipeline(from, createGunzip({ chunkSize: 1 << 18 }), hashing, into, { signal });
  else await pipeline(from, hashing, into, { signal });
  if (`sha256:${hash.digest('hex')}` !== diffId)
    throw new PodrunError('ERR_PODRUN_LAYER_DIFF_ID', `blob ${blob} of the store does not unpack to ${diffId}`);
}

async function stageDocker(context: SaveContext, stage: string, images: readonly CompleteImage[]): Promise<string[]> {
  const names = new Set<string>(['manifest.json']);
  const entries = new Map<string, { Config: string; RepoTags: string[]; Layers: string[] }>();
  for (const { record, manifest } of images) {
    const data = await readBlob(context.store, record.configDigest);
    if (!data) throw new PodrunError('ERR_PODRUN_STORE', `the config of image ${record.reference} is not in the store`);
    const { diffIds } = parseConfig(record.reference, data);
    const Config = `${hexOf(record.configDigest)}.json`;
    writeFileSync(join(stage, Config), data);
    const Layers = diffIds.map((diffId) => `${hexOf(diffId)}.tar`);
    for (const [i, name] of Layers.entries())
      await stageLayer(context, manifest.layers[i]?.digest ?? '', diffIds[i] ?? '', join(stage, name));
    for (const name of [Config, ...Layers]) names.add(name);
    const entry = entries.get(Config) ?? { Config, RepoTags: [], Layers };
    if (!record.reference.includes('@')) entry.RepoTags.push(record.reference);
    entries.set(Config, entry);
  }
  writeFileSync(join(stage, 'manifest.json'), JSON.stringify([...entries.values()]));
  return [...names];
}

/** A file appears whole or not at all; what is no regular file (a pipe, /dev/stdout) is written as it comes. */
async function write(archive: Readable, to: string | NodeJS.WritableStream, signal: AbortSignal): Promise<void> {
  if (typeof to !== 'string') return pipeline(archive, to, { signal, end: false });
  const found = statSync(to, { throwIfNoEntry: false });
  if (found && !found.isFile()) return pipeline(archive, createWriteStream(to), { signal });
  const partial = `${to}.partial-${process.pid}`;
  try {
    await pipeline(archive, createWriteStream(partial, { flags: 'wx', flush: true }), { signal });
    renameSync(partial, to);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}

export interface SaveRequest {
  readonly images: readonly CompleteImage[];
  readonly to: string | NodeJS.WritableStream;
  readonly format: ArchiveFormat;
}

/** @throws ERR_PODRUN_ARCHIVE when the format has no way to say what the image has */
export async function saveArchive(context: SaveContext, { images, to, format }: SaveRequest): Promise<void> {
  const stage = context.workspace.path('archive');
  mkdirSync(stage, { mode: 0o755 });
  const names = format === 'oci-archive' ? stageOci(context, stage, images) : await stageDocker(context, stage, images);
  const { create } = await import('tar');
  // Without owners and times of this machine: the same images make the same archive.
  const pack = create({ cwd: stage, portable: true, noMtime: true, noDirRecurse: false }, names);
  await write(Readable.from(pack, { objectMode: false }), to, context.signal);
}
