import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'tap';
import { dir, file, opaque, tar, whiteout } from '../helpers/tar-builder.js';
import { addon, addonSkip, generous, listMerged, scratchDirectory } from '../native/unpack/run.js';

/**
 * Whiteouts and content of one layer may come in any order. The model: the layer below without what is whited out or
 * under an opaque directory, and then this layer's content over it.
 */
const lower: Readonly<Record<string, string | null>> = {
  d: null,
  'd/a': 'lower',
  'd/sub': null,
  'd/sub/a': 'lower',
  e: null,
  'e/a': 'lower',
  a: 'lower',
};
const paths = ['a', 'd', 'd/a', 'd/sub', 'd/sub/a', 'd/sub/b', 'e', 'e/a', 'e/new', 'f', 'f/a'];
const folders = new Set(['d', 'd/sub', 'e', 'f']);

interface Layer {
  /** Content of the layer: null stands for a directory. */
  readonly content: Readonly<Record<string, string | null>>;
  readonly whiteouts: readonly string[];
  readonly opaques: readonly string[];
}

const parentsOf = (path: string) =>
  path
    .split('/')
    .slice(0, -1)
    .map((_, i, parts) => parts.slice(0, i + 1).join('/'));
const within = (path: string, root: string) => path === root || path.startsWith(`${root}/`);

function modelOf({ content, whiteouts, opaques }: Layer): Record<string, string | null> {
  const gone = (path: string) =>
    whiteouts.some((root) => within(path, root)) || opaques.some((root) => path !== root && within(path, root));
  const merged: Record<string, string | null> = {};
  for (const [path, value] of Object.entries(lower)) if (!gone(path)) merged[path] = value;
  // Whiteouts and opaque marks imply the directories they are in, content does too.
  const made = [...whiteouts, ...Object.keys(content)].flatMap(parentsOf);
  const implied = [...made, ...opaques.flatMap((path) => [...parentsOf(path), path])];
  for (const path of implied) merged[path] = null;
  return { ...merged, ...content };
}

const subset = (of: readonly string[]) => fc.subarray([...of]);
const layers = fc
  .record({ content: subset(paths), whiteouts: subset(paths), opaques: subset([...folders]) })
  .chain(({ content, whiteouts, opaques }) => {
    const entries = [
      ...content.map((path) => (folders.has(path) ? dir(`${path}/`) : file(path, 'upper'))),
      ...whiteouts.map(whiteout),
      ...opaques.map(opaque),
    ];
    return fc.record({
      layer: fc.constant<Layer>({
        content: Object.fromEntries(content.map((path) => [path, folders.has(path) ? null : 'upper'])),
        whiteouts,
        opaques,
      }),
      archive: fc.shuffledSubarray(entries, { minLength: entries.length }).map((all) => tar(...all)),
    });
  });

const skip = process.geteuid?.() !== 0 ? 'needs root' : addonSkip;

test('whiteouts, opaque marks and content of one layer mean the same in any order', { skip }, async (t) => {
  const scratch = scratchDirectory();
  t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
  let run = 0;
  const unpack = async (archive: Buffer): Promise<string> => {
    run += 1;
    const into = join(scratch, `layer-${run}`);
    mkdirSync(into);
    writeFileSync(join(scratch, 'blob'), archive);
    await addon().unpackLayer({ blob: join(scratch, 'blob'), compression: 'none', into, ...generous });
    return into;
  };
  const base = await unpack(
    tar(...Object.entries(lower).map(([path, data]) => (data === null ? dir(`${path}/`) : file(path, data)))),
  );
  const property = fc.asyncProperty(layers, async ({ layer, archive }) => {
    const upper = await unpack(archive);
    const listing = listMerged(scratch, [{ name: 'merged', layers: [base, upper] }])['merged'] ?? {};
    const found = Object.entries(listing)
      .filter(([path]) => path !== '')
      .map(([path, { type, content }]) => [path, type === 'dir' ? null : content]);
    t.same(Object.fromEntries(found), modelOf(layer));
  });
  await fc.assert(property, { numRuns: 100 });
});
