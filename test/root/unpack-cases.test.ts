import { rmSync } from 'node:fs';
import { type Test, test } from 'tap';
import { blobCases } from '../native/unpack/blobs.js';
import type { Expected, Tree, UnpackCase } from '../native/unpack/case.js';
import { climbCases } from '../native/unpack/climb.js';
import { formatCases } from '../native/unpack/formats.js';
import { hardLinkCases } from '../native/unpack/hard-links.js';
import {
  addonSkip,
  diffIdOf,
  fingerprint,
  holdsUserXattrs,
  type Listed,
  type Listing,
  listMerged,
  makeOutside,
  type Outcome,
  scratchDirectory,
  unpackCase,
} from '../native/unpack/run.js';
import { symlinkCases } from '../native/unpack/symlinks.js';
import { typesCases } from '../native/unpack/types.js';
import { whiteoutCases } from '../native/unpack/whiteouts.js';

const groups: Readonly<Record<string, readonly UnpackCase[]>> = {
  climb: climbCases,
  symlink: symlinkCases,
  'hard link': hardLinkCases,
  whiteout: whiteoutCases,
  types: typesCases,
  format: formatCases,
  blob: blobCases,
};

const skip = process.geteuid?.() !== 0 ? 'needs root' : addonSkip;

function compareEntry(t: Test, path: string, expected: Expected, listing: Listing): void {
  const found = listing[path];
  if (!found) return void t.fail(`${path} is missing`);
  const { same, xattrs, mtimeNs, ...plain } =
    typeof expected === 'string' ? ({ type: 'file', content: expected } as const) : { content: undefined, ...expected };
  for (const [key, value] of Object.entries(plain)) {
    if (value !== undefined) t.same(found[key as keyof Listed], value, `${path}: ${key}`);
  }
  if (mtimeNs !== undefined) t.equal(found.mtimeNs, String(mtimeNs), `${path}: mtime`);
  if (same !== undefined) t.equal(found.inode, listing[same]?.inode, `${path} is ${same}`);
  for (const [name, value] of Object.entries(xattrs ?? {}))
    t.equal(found.xattrs[name] ?? null, value, `${path}: ${name}`);
}

function compareTree(t: Test, expected: Tree, listing: Listing): void {
  const paths = (tree: object) =>
    Object.keys(tree)
      .filter((path) => path !== '')
      .sort();
  t.same(paths(listing), paths(expected), 'the tree has these paths and no others');
  // One assertion for thousands of equal files.
  const many = Object.keys(expected).length > 1000;
  if (many) t.same(Object.values(listing).filter(({ type, size }) => type === 'file' && size === 0).length, 20_000);
  else for (const [path, entry] of Object.entries(expected)) compareEntry(t, path, entry, listing);
}

test('unpacking image layers', { skip }, async (t) => {
  const scratch = scratchDirectory();
  t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
  const outside = makeOutside(scratch);
  const before = fingerprint(outside);
  const user = holdsUserXattrs(scratch);
  const outcomes = new Map<UnpackCase, Outcome & { readonly touched: boolean }>();
  for (const of of Object.values(groups).flat()) {
    const outcome = await unpackCase(of, scratch, outside);
    outcomes.set(of, { ...outcome, touched: fingerprint(outside) !== before });
  }
  const stacks = [...outcomes].flatMap(([{ name }, outcome]) =>
    'layers' in outcome ? [{ name, layers: outcome.layers }] : [],
  );
  const listings = listMerged(scratch, stacks);
  t.equal(fingerprint(outside), before, 'nothing outside is touched by the mounts either');

  for (const [group, cases] of Object.entries(groups)) {
    await t.test(group, async (t) => {
      for (const of of cases) {
        const skip = of.needsXattr === 'user' && !user ? 'this filesystem has no user attributes' : false;
        await t.test(of.name, { skip }, async (t) => {
          const outcome = outcomes.get(of)!;
          t.notOk(outcome.touched, 'nothing outside the root is touched');
          if (typeof of.expect === 'string') {
            t.equal('error' in outcome ? outcome.error.code : 'unpacked', of.expect);
            return;
          }
          if ('error' in outcome) return void t.fail(`refused: ${outcome.error.message}`);
          t.same(outcome.diffIds, of.layers(outside).map(diffIdOf), 'the DiffIDs are those of the uncompressed layers');
          compareTree(t, of.expect(outside), listings[of.name]!);
        });
      }
    });
  }
});
