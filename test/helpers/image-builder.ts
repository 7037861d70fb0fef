/** Makes OCI layouts out of recipes: what a registry test, an end-to-end test or a benchmark pulls. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { run } from './command.js';
import { unpackPackages } from './packages.js';

export interface LayerRecipe {
  /** Debian packages; their dependencies come along. */
  readonly packages?: readonly string[];
  /** Packages of the layers below, whose files need not come again. */
  readonly above?: readonly string[];
  /** Writes the rest. */
  readonly tree?: (root: string) => void | Promise<void>;
  readonly compression?: 'gzip' | 'zstd' | 'none';
  /** What `tree` depends on besides its own text, so that a change is noticed. */
  readonly key?: string;
}

export interface Recipe {
  /** Bottom first. */
  readonly layers: readonly LayerRecipe[];
  /** As in an OCI image config. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Docker's media types instead of OCI's. */
  readonly schema2?: boolean;
  /** Wraps the image in an index that also has an entry for another platform. */
  readonly index?: boolean;
  /** Says that it is for this platform, whatever is in it. */
  readonly architecture?: string;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export const hostArchitecture = process.arch === 'x64' ? 'amd64' : process.arch;
const created = '2024-01-01T00:00:00Z';

const types = {
  oci: {
    index: 'application/vnd.oci.image.index.v1+json',
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: {
      gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
      zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
      none: 'application/vnd.oci.image.layer.v1.tar',
    },
  },
  docker: {
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: {
      gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
      zstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
      none: 'application/vnd.docker.image.rootfs.diff.tar',
    },
  },
} as const;

function sha256(data: Uint8Array): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** An OCI layout under construction. */
export class LayoutWriter {
  readonly #entries: object[] = [];

  constructor(readonly directory: string) {
    mkdirSync(join(directory, 'blobs', 'sha256'), { recursive: true });
    writeFileSync(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  }

  blob(mediaType: string, content: Uint8Array | object): Descriptor {
    const data = content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content));
    const digest = sha256(data);
    writeFileSync(join(this.directory, 'blobs', 'sha256', digest.slice(7)), data);
    return { mediaType, digest, size: data.byteLength };
  }

  tag(name: string, descriptor: Descriptor): void {
    this.#entries.push({ ...descriptor, annotations: { 'org.opencontainers.image.ref.name': name } });
    const index = { schemaVersion: 2, mediaType: types.oci.index, manifests: this.#entries };
    writeFileSync(join(this.directory, 'index.json'), JSON.stringify(index));
  }
}

/** The tar of a tree: sorted, without times, owned by root unless the tree says otherwise. */
async function archive(root: string): Promise<Buffer> {
  const file = `${root}.tar`;
  const owner = process.geteuid?.() === 0 ? [] : ['--owner=0', '--group=0'];
  const fixed = ['--sort=name', '--mtime=@1704067200', '--numeric-owner', '--format=gnu'];
  await run('tar', ['-C', root, ...fixed, ...owner, '-cf', file, '.']);
  const data = readFileSync(file);
  rmSync(file);
  return data;
}

async function compress(data: Buffer, how: 'gzip' | 'zstd' | 'none', scratch: string): Promise<Buffer> {
  if (how === 'none') return data;
  if (how === 'gzip') return gzipSync(data, { level: 6, chunkSize: 1 << 20 });
  const file = join(scratch, 'layer');
  writeFileSync(file, data);
  await run('zstd', ['-q', '-f', '--rm', file, '-o', `${file}.zst`]);
  return readFileSync(`${file}.zst`);
}

interface Layer {
  readonly data: Buffer;
  readonly diffId: string;
}

async function makeLayer(recipe: LayerRecipe): Promise<Layer> {
  const scratch = mkdtempSync(join(tmpdir(), 'podrun-layer-'));
  try {
    const root = join(scratch, 'root');
    mkdirSync(root, { mode: 0o755 });
    if (recipe.packages) await unpackPackages(recipe.packages, recipe.above ?? [], root);
    await recipe.tree?.(root);
    const data = await archive(root);
    return { data: await compress(data, recipe.compression ?? 'gzip', scratch), diffId: sha256(data) };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Recipes share their lower layers. */
const made = new Map<LayerRecipe, Promise<Layer>>();

async function writeLayer(
  writer: LayoutWriter,
  recipe: LayerRecipe,
  schema2: boolean,
): Promise<Descriptor & { diffId: string }> {
  const making = made.get(recipe) ?? makeLayer(recipe);
  made.set(recipe, making);
  const { data, diffId } = await making;
  const mediaType = types[schema2 ? 'docker' : 'oci'].layer[recipe.compression ?? 'gzip'];
  return { ...writer.blob(mediaType, data), diffId };
}

function writeImage(
  writer: LayoutWriter,
  recipe: Recipe,
  layers: readonly (Descriptor & { diffId: string })[],
  architecture: string,
): Descriptor {
  const { manifest, config } = types[recipe.schema2 ? 'docker' : 'oci'];
  const rootfs = { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) };
  const descriptor = writer.blob(config, { created, architecture, os: 'linux', config: recipe.config, rootfs });
  const bare = layers.map(({ diffId: _, ...layer }) => layer);
  return writer.blob(manifest, { schemaVersion: 2, mediaType: manifest, config: descriptor, layers: bare });
}

/** Makes the image of a recipe in an OCI layout and gives it tags. */
export async function buildImage(
  recipe: Recipe,
  directory: string,
  tags: readonly string[] = ['latest'],
): Promise<void> {
  const writer = new LayoutWriter(directory);
  const layers = [];
  for (const layer of recipe.layers) layers.push(await writeLayer(writer, layer, recipe.schema2 ?? false));
  const architecture = recipe.architecture ?? hostArchitecture;
  let image = writeImage(writer, recipe, layers, architecture);
  if (recipe.index) {
    const other = architecture === 'arm64' ? 'amd64' : 'arm64';
    const foreign = writeImage(writer, { ...recipe, config: { Cmd: ['/nothing/useful'] } }, layers, other);
    const { index } = types[recipe.schema2 ? 'docker' : 'oci'];
    const entry = (descriptor: Descriptor, name: string) => ({
      ...descriptor,
      platform: { os: 'linux', architecture: name },
    });
    image = writer.blob(index, {
      schemaVersion: 2,
      mediaType: index,
      manifests: [entry(foreign, other), entry(image, architecture)],
    });
  }
  for (const tag of tags) writer.tag(tag, image);
}

/** The same, unless the directory is there already; it appears whole or not at all. */
export async function buildImageOnce(recipe: Recipe, directory: string, tags?: readonly string[]): Promise<void> {
  if (existsSync(join(directory, 'index.json'))) return;
  mkdirSync(dirname(directory), { recursive: true });
  const temporary = mkdtempSync(`${directory}.`);
  try {
    await buildImage(recipe, temporary, tags);
    renameSync(temporary, directory);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    if (!existsSync(join(directory, 'index.json'))) throw error;
  }
}

/** Digest of the uncompressed form of a gzip file, as a second opinion on DiffIDs. */
export function diffIdOf(gzipped: Uint8Array): string {
  return sha256(gunzipSync(gzipped));
}
