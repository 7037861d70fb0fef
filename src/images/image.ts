import type { CredentialSource } from './sources/auth.js';

/**
 * What the image stage hands to the next ones.
 * @see image-spec v1.1 config.md
 */
export interface ImageConfig {
  readonly user?: string;
  readonly exposedPorts?: readonly string[];
  /** NAME=value, in the image's order. */
  readonly env: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly volumes?: readonly string[];
  readonly workingDir?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** As written in the image: "SIGQUIT", "QUIT" or "3". */
  readonly stopSignal?: string;
}

export interface Image {
  /** Fully resolved name: docker.io/library/busybox:1.28. */
  readonly reference: string;
  /** Digest of the manifest for this platform: sha256:<64 hex>. */
  readonly manifestDigest: string;
  /** Digest of the config, which is the image's ID. */
  readonly configDigest: string;
  readonly platform: { readonly os: string; readonly architecture: string; readonly variant?: string };
  readonly config: ImageConfig;
  /** Unpacked layers, topmost first: absolute paths of read-only overlay lower directories. */
  readonly lowerdirs: readonly string[];
}

export type PullEvent =
  | { readonly type: 'resolving'; readonly reference: string }
  | {
      readonly type: 'layer';
      readonly reference: string;
      readonly digest: string;
      readonly phase: 'waiting' | 'downloading' | 'unpacking' | 'done' | 'cached';
      readonly bytes: number;
      readonly totalBytes: number;
    }
  | { readonly type: 'done'; readonly reference: string; readonly manifestDigest: string; readonly cached: boolean };

export interface ResolveImageOptions {
  readonly policy: 'Always' | 'IfNotPresent' | 'Never';
  /** Asked before the logins of this machine, for this image alone: what the Pod's imagePullSecrets hold. */
  readonly credentials?: CredentialSource | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: PullEvent) => void) | undefined;
}

/** The image store as the pod layer sees it. */
export interface ImageService {
  /** Finds or pulls an image and unpacks what is missing. @throws ERR_PODRUN_IMAGE_*, ERR_PODRUN_REGISTRY_*, ERR_PODRUN_BLOB_*, ERR_PODRUN_LAYER_* */
  resolve(reference: string, options: ResolveImageOptions): Promise<Image>;
  /** Releases network connections. */
  close(): Promise<void>;
}
