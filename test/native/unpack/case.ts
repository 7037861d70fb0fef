import { gzipSync } from 'node:zlib';
import type { UnpackLayer } from '../../../native/addon/addon.js';
import type { ErrorCode } from '../../../src/errors.js';

/** What a path of the merged tree must be. Text stands for a file of that content. */
export type Expected =
  | string
  | {
      readonly type: 'file' | 'dir' | 'symlink' | 'char' | 'block' | 'fifo';
      readonly content?: string | undefined;
      readonly target?: string;
      readonly mode?: number;
      readonly uid?: number;
      readonly gid?: number;
      readonly mtimeNs?: bigint;
      readonly size?: number;
      readonly device?: readonly [major: number, minor: number];
      readonly links?: number;
      /** Another name of the same file. */
      readonly same?: string;
      /** Values in latin1; attributes not named here may be there, but those of null may not. */
      readonly xattrs?: Readonly<Record<string, string | null>>;
    };

/** Every path of the merged tree but its root, which is checked when it is named (""). */
export type Tree = Readonly<Record<string, Expected>>;

export interface Layer {
  readonly blob: Buffer;
  readonly compression: UnpackLayer['compression'];
  /** The uncompressed bytes, for the DiffID. */
  readonly tar: Buffer;
}

export interface UnpackCase {
  readonly name: string;
  /** From the lowest up. `outside` is an absolute path beyond the root, with a file named "file" in it. */
  readonly layers: (outside: string) => readonly Layer[];
  /** The merged tree, or the code of the refusal. */
  readonly expect: ((outside: string) => Tree) | ErrorCode;
  readonly umask?: number;
  /** Attributes of this namespace are needed. */
  readonly needsXattr?: 'user';
}

export const folder: Expected = { type: 'dir' };
export const link = (target: string): Expected => ({ type: 'symlink', target });

export const plain = (tar: Buffer): Layer => ({ blob: tar, compression: 'none', tar });
export const gzipped = (tar: Buffer, blob: Buffer = gzipSync(tar, { level: 1 })): Layer => ({
  blob,
  compression: 'gzip',
  tar,
});

/** A case of plain layers that must unpack to this tree. */
export function unpacks(
  name: string,
  layers: readonly Buffer[] | ((outside: string) => readonly Buffer[]),
  tree: Tree | ((outside: string) => Tree),
  more: Partial<UnpackCase> = {},
): UnpackCase {
  return {
    name,
    layers: (outside) => (typeof layers === 'function' ? layers(outside) : layers).map(plain),
    expect: (outside) => (typeof tree === 'function' ? tree(outside) : tree),
    ...more,
  };
}

/** A case of plain layers, the last of which must be refused. */
export function refuses(
  name: string,
  code: ErrorCode,
  layers: readonly Buffer[] | ((outside: string) => readonly Buffer[]),
): UnpackCase {
  return {
    name,
    layers: (outside) => (typeof layers === 'function' ? layers(outside) : layers).map(plain),
    expect: code,
  };
}

/** The directories on the way to `path`, itself included, when they are made within the image. */
export function foldersTo(path: string): Record<string, Expected> {
  const parts = path.split('/').filter((part) => part !== '');
  return Object.fromEntries(parts.map((_, i) => [parts.slice(0, i + 1).join('/'), folder]));
}
