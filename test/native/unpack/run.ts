import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as Addon from '../../../native/addon/addon.js';
import { addonBinary } from '../../../src/paths.js';
import type { Layer, UnpackCase } from './case.js';

const binary = process.env['PODRUN_TEST_ADDON'] ?? addonBinary;
const lister = fileURLToPath(new URL('./list-trees.py', import.meta.url));

/** Why nothing can be unpacked here, or false. */
export const addonSkip: string | false = existsSync(binary) ? false : 'needs the native build';

type Unpacker = Pick<typeof Addon, 'unpackLayer' | 'removeTree' | 'syncFilesystem'>;
export const addon = (): Unpacker => createRequire(import.meta.url)(binary);

export const generous = { maxBytes: 1 << 30, maxEntries: 100_000 };

/** Memory, where there is: the layers of the cases are many and small. */
export function scratchDirectory(): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'podrun-unpack-'));
}

/** What a path of the merged tree is, as list-trees.py says it. */
export interface Listed {
  readonly type: string;
  readonly content?: string;
  readonly target?: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeNs: string;
  readonly links: number;
  readonly inode: number;
  readonly device?: readonly number[];
  readonly xattrs: Readonly<Record<string, string>>;
}
export type Listing = Readonly<Record<string, Listed>>;

/** The merged trees of many stacks of layers, mounted one after the other in a mount namespace that ends with the call. */
export function listMerged(
  scratch: string,
  stacks: readonly { readonly name: string; readonly layers: readonly string[] }[],
): Readonly<Record<string, Listing>> {
  const output = execFileSync('unshare', ['--mount', '--propagation', 'private', 'python3', lister, scratch], {
    input: JSON.stringify(stacks),
    maxBuffer: 1 << 28,
    encoding: 'utf8',
  });
  return JSON.parse(output);
}

/** Everything about a directory that an escape could change. */
export function fingerprint(directory: string): string {
  const lines = ['', ...readdirSync(directory, { recursive: true, encoding: 'utf8' })].sort().map((name) => {
    const path = join(directory, name);
    const { ino, mode, uid, gid, size, nlink, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true });
    const content = lstatSync(path).isFile() ? readFileSync(path, 'latin1') : '';
    return [name, ino, mode, uid, gid, size, nlink, mtimeNs, ctimeNs, content].join(' ');
  });
  return lines.join('\n');
}

/** A directory beyond the roots, whose path stands in the archives. */
export function makeOutside(scratch: string): string {
  const outside = join(scratch, 'outside');
  mkdirSync(join(outside, 'dir'), { recursive: true });
  writeFileSync(join(outside, 'file'), 'canary', { mode: 0o640 });
  writeFileSync(join(outside, 'dir', 'inner'), 'canary');
  return outside;
}

export type Outcome =
  | { readonly layers: readonly string[]; readonly diffIds: readonly string[] }
  | { readonly error: Error & { code?: string; path?: string } };

async function unpackOne(layer: Layer, base: string): Promise<{ into: string; diffId: string }> {
  const into = `${base}.d`;
  mkdirSync(into);
  writeFileSync(`${base}.blob`, layer.blob);
  const { diffId } = await addon().unpackLayer({
    blob: `${base}.blob`,
    compression: layer.compression,
    into,
    ...generous,
  });
  return { into, diffId };
}

/** Unpacks the layers of a case, each into a directory of its own. */
export async function unpackCase(of: UnpackCase, scratch: string, outside: string): Promise<Outcome> {
  const base = join(scratch, of.name);
  const done: { into: string; diffId: string }[] = [];
  const umask = of.umask === undefined ? undefined : process.umask(of.umask);
  try {
    for (const [i, layer] of of.layers(outside).entries()) done.push(await unpackOne(layer, `${base}.${i}`));
    return { layers: done.map(({ into }) => into), diffIds: done.map(({ diffId }) => diffId) };
  } catch (error) {
    return { error: error as Error };
  } finally {
    if (umask !== undefined) process.umask(umask);
  }
}

export const diffIdOf = (layer: Layer): string => `sha256:${createHash('sha256').update(layer.tar).digest('hex')}`;

/** Whether files of `directory` can hold user attributes: tmpfs can since Linux 6.6. */
export function holdsUserXattrs(directory: string): boolean {
  const probe = join(directory, 'xattr-probe');
  writeFileSync(probe, '');
  try {
    execFileSync('python3', ['-c', 'import os, sys; os.setxattr(sys.argv[1], "user.probe", b"x")', probe], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(probe);
  }
}
