import { parseManifest } from '../format/manifest.js';
import { parseReference } from '../format/reference.js';
import type { ArchiveContents, ArchivedImage } from './contents.js';
import { type Members, readJsonMember, refuseArchive } from './members.js';
import { ArchiveSource } from './source.js';

/** containerd's name is a whole one; the standard's may be that, or a tag alone. */
const nameAnnotations = ['io.containerd.image.name', 'org.opencontainers.image.ref.name'] as const;

/** "1.2" says nothing of the repository: then podman says localhost/1.2:latest, and so does this. */
function referenceOf(name: string): string {
  return parseReference(/[/:]/.test(name) ? name : `localhost/${name}`).text;
}

/**
 * The images that the index.json of an OCI layout names.
 * @throws ERR_PODRUN_ARCHIVE, ERR_PODRUN_IMAGE_MANIFEST, ERR_PODRUN_IMAGE_NAME
 */
export function layoutImages(archive: string, index: Uint8Array): ArchivedImage[] {
  const parsed = parseManifest(archive, index, { contentType: 'application/vnd.oci.image.index.v1+json' });
  if (parsed.kind !== 'index') throw refuseArchive(archive, 'its index.json is no index');
  const images = new Map<string, Set<string>>();
  for (const { digest, annotations } of parsed.manifests) {
    const name = nameAnnotations.map((key) => annotations[key]).find((value) => value !== undefined && value !== '');
    const references = images.get(digest) ?? new Set();
    if (name !== undefined) references.add(referenceOf(name));
    images.set(digest, references);
  }
  return [...images].map(([digest, references]) => ({ digest, references: [...references] }));
}

/** @see image-spec v1.1 image-layout.md */
export function readOciArchive(archive: string, members: Members): ArchiveContents {
  const layout = readJsonMember(archive, members, 'oci-layout') as { imageLayoutVersion?: unknown } | null;
  if (layout?.imageLayoutVersion !== '1.0.0') throw refuseArchive(archive, 'its oci-layout is not of version 1.0.0');
  const index = Buffer.from(JSON.stringify(readJsonMember(archive, members, 'index.json')));
  const blobs = new Map(
    [...members].flatMap(([name, member]) => {
      const hex = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(name)?.[1];
      return hex ? [[`sha256:${hex}`, member] as const] : [];
    }),
  );
  const source = new ArchiveSource(archive, blobs);
  return { transport: 'oci-archive', source, images: layoutImages(archive, index) };
}
