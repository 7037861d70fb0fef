import type { ImageSource } from '../sources/source.js';

/** One image of an archive. */
export interface ArchivedImage {
  /** Full references; none when the archive has no name for it. */
  readonly references: readonly string[];
  readonly digest: string;
}

export interface ArchiveContents {
  /** As policy.json names the format. */
  readonly transport: 'oci' | 'oci-archive' | 'docker-archive';
  readonly source: ImageSource;
  readonly images: readonly ArchivedImage[];
}
