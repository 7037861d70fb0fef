import { closeSync, openSync, readSync } from 'node:fs';
import { digestOf } from '../format/digest.js';
import { parseReference } from '../format/reference.js';
import type { ArchiveContents, ArchivedImage } from './contents.js';
import { type Member, type Members, readJsonMember, refuseArchive } from './members.js';
import { ArchiveSource } from './source.js';

const manifestType = 'application/vnd.docker.distribution.manifest.v2+json';
const configType = 'application/vnd.docker.container.image.v1+json';
const layerType = 'application/vnd.docker.image.rootfs.diff.tar';

interface Entry {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  readonly Layers: readonly string[];
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function readEntries(archive: string, members: Members): Entry[] {
  const list = readJsonMember(archive, members, 'manifest.json');
  if (!Array.isArray(list)) throw refuseArchive(archive, 'its manifest.json is not a list');
  return list.map((value: Partial<Record<keyof Entry, unknown>> | null) => {
    const { Config, RepoTags, Layers } = value ?? {};
    const good = typeof Config === 'string' && isTexts(RepoTags ?? []) && isTexts(Layers);
    if (!good) throw refuseArchive(archive, 'its manifest.json has an entry without Config and Layers');
    return { Config, RepoTags: (RepoTags ?? []) as string[], Layers };
  });
}

function find(archive: string, members: Members, name: string): Member {
  const member = members.get(name.replace(/^\.\//, ''));
  if (member) return member;
  throw refuseArchive(archive, `its manifest.json names ${JSON.stringify(name)}, which is no regular file in it`);
}

function layerMediaType({ path }: Member): string {
  const file = openSync(path, 'r');
  try {
    const magic = Buffer.alloc(4);
    readSync(file, magic, 0, 4, 0);
    if (magic.readUInt16BE() === 0x1f8b) return `${layerType}.gzip`;
    return magic.readUInt32BE() === 0x28b52ffd ? `${layerType}.zstd` : layerType;
  } finally {
    closeSync(file);
  }
}

/** The format has no manifest of the registry's kind: this is the one that its content would have there. */
function makeManifest(config: Member, layers: readonly Member[]): Uint8Array {
  const descriptor = (mediaType: string, { digest, sizeBytes }: Member) => ({ mediaType, size: sizeBytes, digest });
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: descriptor(configType, config),
      layers: layers.map((layer) => descriptor(layerMediaType(layer), layer)),
    }),
  );
}

/** What `docker save` and skopeo's docker-archive: write: manifest.json, configs, and layers as tars. */
export function readDockerArchive(archive: string, members: Members): ArchiveContents {
  const blobs = new Map<string, Member>();
  const made = new Map<string, Uint8Array>();
  const images: ArchivedImage[] = [];
  for (const { Config, RepoTags, Layers } of readEntries(archive, members)) {
    const config = find(archive, members, Config);
    const layers = Layers.map((name) => find(archive, members, name));
    for (const member of [config, ...layers]) blobs.set(member.digest, member);
    const manifest = makeManifest(config, layers);
    const digest = digestOf(manifest);
    made.set(digest, manifest);
    images.push({ digest, references: RepoTags.map((tag) => parseReference(tag).text) });
  }
  return { transport: 'docker-archive', source: new ArchiveSource(archive, blobs, made), images };
}
