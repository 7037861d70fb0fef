/** What a caller should do about an error; maps one to one onto exit codes and, later, gRPC codes. */
export type ErrorKind =
  | 'not-found'
  | 'already-exists'
  | 'invalid'
  | 'denied'
  | 'failed-precondition'
  | 'exhausted'
  | 'unavailable'
  | 'deadline'
  | 'cancelled'
  | 'unimplemented'
  | 'internal';

/** Every code podrun throws, with its kind. docs/errors.md has a row for each; a test compares the two. */
export const errorKinds = {
  // manifest
  ERR_PODRUN_MANIFEST_SYNTAX: 'invalid',
  ERR_PODRUN_MANIFEST_INVALID: 'invalid',
  ERR_PODRUN_MANIFEST_UNREADABLE: 'not-found',
  ERR_PODRUN_QUANTITY: 'invalid',
  // images
  ERR_PODRUN_IMAGE_NAME: 'invalid',
  ERR_PODRUN_IMAGE_NOT_FOUND: 'not-found',
  ERR_PODRUN_IMAGE_NEVER_PULL: 'failed-precondition',
  ERR_PODRUN_IMAGE_PLATFORM: 'failed-precondition',
  ERR_PODRUN_IMAGE_MANIFEST: 'invalid',
  ERR_PODRUN_IMAGE_CONFIG: 'invalid',
  ERR_PODRUN_REGISTRIES_CONF: 'invalid',
  ERR_PODRUN_AUTH_FILE: 'invalid',
  ERR_PODRUN_CREDENTIAL_HELPER: 'failed-precondition',
  ERR_PODRUN_CERTIFICATES: 'invalid',
  ERR_PODRUN_POLICY: 'denied',
  ERR_PODRUN_POLICY_FILE: 'invalid',
  ERR_PODRUN_REGISTRY_AUTH: 'denied',
  ERR_PODRUN_REGISTRY_REFUSED: 'denied',
  ERR_PODRUN_REGISTRY_UNAVAILABLE: 'unavailable',
  ERR_PODRUN_REGISTRY_PROTOCOL: 'invalid',
  ERR_PODRUN_BLOB_DIGEST: 'invalid',
  ERR_PODRUN_BLOB_SIZE: 'invalid',
  ERR_PODRUN_LAYER_DIFF_ID: 'invalid',
  ERR_PODRUN_LAYER_UNSAFE_PATH: 'invalid',
  ERR_PODRUN_LAYER_MALFORMED: 'invalid',
  ERR_PODRUN_LAYER_TRUNCATED: 'invalid',
  ERR_PODRUN_LAYER_LIMIT: 'exhausted',
  ERR_PODRUN_LAYER_UNSUPPORTED: 'unimplemented',
  ERR_PODRUN_ARCHIVE: 'invalid',
  ERR_PODRUN_IMAGE_IN_USE: 'failed-precondition',
  ERR_PODRUN_STORE: 'internal',
  ERR_PODRUN_STORE_FULL: 'exhausted',
  // plan
  ERR_PODRUN_USER: 'invalid',
  ERR_PODRUN_NO_COMMAND: 'invalid',
  // host
  ERR_PODRUN_NOT_ROOT: 'denied',
  ERR_PODRUN_HOST: 'failed-precondition',
  ERR_PODRUN_ADDON: 'failed-precondition',
  ERR_PODRUN_CGROUP: 'failed-precondition',
  ERR_PODRUN_LIMIT: 'failed-precondition',
  ERR_PODRUN_NETWORK: 'failed-precondition',
  ERR_PODRUN_NO_ADDRESS: 'exhausted',
  ERR_PODRUN_SECCOMP: 'failed-precondition',
  // runtime
  ERR_PODRUN_SANDBOX: 'internal',
  ERR_PODRUN_SANDBOX_GONE: 'unavailable',
  ERR_PODRUN_START: 'failed-precondition',
  ERR_PODRUN_COMMAND_NOT_FOUND: 'not-found',
  ERR_PODRUN_COMMAND_NOT_EXECUTABLE: 'denied',
  ERR_PODRUN_CONTAINER_NOT_RUNNING: 'failed-precondition',
  // pods
  ERR_PODRUN_POD_EXISTS: 'already-exists',
  ERR_PODRUN_POD_NOT_FOUND: 'not-found',
  ERR_PODRUN_CONTAINER_NOT_FOUND: 'not-found',
  ERR_PODRUN_CONTAINER_AMBIGUOUS: 'invalid',
  ERR_PODRUN_FORCE_NEEDED: 'invalid',
  ERR_PODRUN_NO_LOG: 'not-found',
  ERR_PODRUN_STATE: 'internal',
  ERR_PODRUN_USAGE: 'invalid',
  ERR_PODRUN_CANCELLED: 'cancelled',
  ERR_PODRUN_CLOSED: 'failed-precondition',
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;

/** One thing wrong with a manifest; line and column count from 1 and are absent for input that was not text. */
export interface ManifestProblem {
  readonly line?: number;
  readonly column?: number;
  readonly path: string;
  readonly message: string;
}

export interface ErrorDetails {
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  readonly syscall?: string | undefined;
  readonly errno?: number | undefined;
  readonly path?: string | undefined;
  readonly pod?: string | undefined;
  readonly container?: string | undefined;
  readonly image?: string | undefined;
  /** Exit status the command line ends with when this error is the reason (126 and 127 for a program that can't run). */
  readonly exitCode?: number | undefined;
  /** What went wrong while undoing the work that failed. */
  readonly cleanup?: readonly unknown[] | undefined;
  /** All that is wrong with a manifest, in the order of its text. */
  readonly problems?: readonly ManifestProblem[] | undefined;
}

const brand = Symbol.for('podrun.error');

/**
 * The one class of error that podrun throws. Branch on `code` or `kind`, never on the text.
 * Message: lower case, no final period, the thing with its value, then the reason; `hint` says what to do next.
 */
export class PodrunError extends Error {
  override readonly name = 'PodrunError';
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly hint?: string | undefined;
  readonly syscall?: string | undefined;
  readonly errno?: number | undefined;
  readonly path?: string | undefined;
  readonly pod?: string | undefined;
  readonly container?: string | undefined;
  readonly image?: string | undefined;
  readonly exitCode?: number | undefined;
  readonly cleanup?: readonly unknown[] | undefined;
  readonly problems?: readonly ManifestProblem[] | undefined;
  readonly [brand] = true;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    const { cause: _, ...rest } = details;
    Object.assign(this, rest);
    this.code = code;
    this.kind = errorKinds[code];
  }

  /** True for errors of any copy of the package that is loaded. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value;
  }
}

/** The `code` of a system error such as "ENOENT", or undefined. */
export function errnoCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
