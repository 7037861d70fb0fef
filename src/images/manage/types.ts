import type { PullEvent } from '../image.js';

export interface ImageSummary {
  /** Full name: docker.io/library/busybox:1.36. */
  readonly reference: string;
  /** Digest of the config, the image's ID. */
  readonly id: string;
  /** What the reference stood for at the registry: an index's digest where there is one. */
  readonly digest: string;
  readonly manifestDigest: string;
  readonly platform: { readonly os: string; readonly architecture: string; readonly variant?: string };
  /** Of the unpacked layers, shared ones included. */
  readonly sizeBytes: number;
  readonly layers: number;
  /** RFC 3339; when it was pulled or loaded. */
  readonly pulledAt: string;
  /** UIDs of the Pods that use it. */
  readonly usedBy: readonly string[];
}

export interface ImageInspection extends ImageSummary {
  readonly created?: string;
  readonly author?: string;
  /** As it is in the image's config file: Env, Cmd, Entrypoint... */
  readonly config: object;
  readonly rootfs: { readonly type: 'layers'; readonly diffIds: readonly string[] };
  readonly manifest: object;
}

export interface PullOptions {
  /** "linux/arm64", "linux/arm/v7"; default: this machine's. */
  readonly platform?: string;
  /** Default Always: ask the registry, and download only what is missing. */
  readonly policy?: 'Always' | 'IfNotPresent' | 'Never';
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: PullEvent) => void;
}

export interface RemoveOptions {
  /** Also a reference that a Pod uses; the layers stay until that Pod has gone. */
  readonly force?: boolean;
}

export interface PruneOptions {
  /** Images that no Pod uses, not only what no image needs any more. */
  readonly all?: boolean;
  /** With `all`: only those pulled longer ago than this. */
  readonly olderThanMs?: number;
}

export interface Removed {
  readonly references: readonly string[];
  readonly layers: number;
  readonly blobs: number;
  readonly freedBytes: number;
  /** Somebody was pulling, so only names were removed: the next prune frees the space. */
  readonly deferred: boolean;
}

export interface UsageRow {
  readonly count: number;
  /** In use by a Pod. */
  readonly active: number;
  readonly sizeBytes: number;
  /** What `prune({ all: true })` would free of it. */
  readonly reclaimableBytes: number;
}

export interface Usage {
  readonly images: UsageRow;
  /** Unpacked. */
  readonly layers: UsageRow;
  /** Manifests, configs and layers as they came, kept to be saved and pushed. */
  readonly blobs: UsageRow;
  /** Writable layers and volumes. */
  readonly pods: UsageRow;
}

export type ArchiveFormat = 'oci-archive' | 'docker-archive';

export interface LoadOptions {
  /** Name for an image that the archive has no name for. */
  readonly name?: string;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: PullEvent) => void;
}

export interface SaveOptions {
  /** Default oci-archive. */
  readonly format?: ArchiveFormat;
  readonly signal?: AbortSignal;
}

export interface Pushed {
  readonly reference: string;
  readonly digest: string;
  /** Blobs that the registry did not have. */
  readonly uploaded: number;
}

/** The images of this machine. */
export interface Images {
  list(): Promise<readonly ImageSummary[]>;
  /** @throws what a Pod's pull throws */
  pull(reference: string, options?: PullOptions): Promise<ImageSummary>;
  /** @param name  a reference, an ID, or at least 6 digits of one. @throws ERR_PODRUN_IMAGE_NOT_FOUND */
  inspect(name: string): Promise<ImageInspection>;
  /** Removes a name, and the content that nothing else needs. @throws ERR_PODRUN_IMAGE_NOT_FOUND, ERR_PODRUN_IMAGE_IN_USE */
  remove(name: string, options?: RemoveOptions): Promise<Removed>;
  prune(options?: PruneOptions): Promise<Removed>;
  usage(): Promise<Usage>;
  /**
   * Takes the images of an OCI layout (directory or tar) or a docker-archive, gzipped or not.
   * @throws ERR_PODRUN_ARCHIVE, and what a pull throws for content that is not what it says
   */
  load(from: string | NodeJS.ReadableStream, options?: LoadOptions): Promise<readonly ImageSummary[]>;
  /** Writes images into one archive. @throws ERR_PODRUN_IMAGE_NOT_FOUND, ERR_PODRUN_ARCHIVE */
  save(names: readonly string[], to: string | NodeJS.WritableStream, options?: SaveOptions): Promise<void>;
  /** @param destination  default: the reference itself */
  push(name: string, destination?: string, options?: { readonly signal?: AbortSignal }): Promise<Pushed>;
}
