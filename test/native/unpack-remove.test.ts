import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { addon, addonSkip, fingerprint, makeOutside, scratchDirectory } from './unpack/run.js';

test('removeTree', { skip: addonSkip }, async (t) => {
  const scratch = scratchDirectory();
  t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
  const outside = makeOutside(scratch);
  const before = fingerprint(outside);
  const tree = join(scratch, 'tree');

  await t.test('removes all that is beneath, and the directory', async (t) => {
    mkdirSync(join(tree, 'a/b/c'), { recursive: true });
    for (let i = 0; i < 3000; i += 1) writeFileSync(join(tree, 'a/b', `f${i}`), '');
    await addon().removeTree(tree);
    t.notOk(existsSync(tree));
  });

  await t.test('does not mind when there is nothing', async (t) => {
    t.equal(await addon().removeTree(tree), undefined);
    t.equal(await addon().removeTree(join(scratch, 'no/such/parent')), undefined);
  });

  await t.test('removes links and not what they point to', async (t) => {
    mkdirSync(join(tree, 'd'), { recursive: true });
    symlinkSync(outside, join(tree, 'dir'));
    symlinkSync(join(outside, 'file'), join(tree, 'd', 'file'));
    await addon().removeTree(tree);
    symlinkSync(outside, tree);
    await addon().removeTree(tree);
    t.notOk(existsSync(tree));
    t.equal(fingerprint(outside), before);
  });

  await t.test("goes into directories that are closed, as overlayfs's work directory is", async (t) => {
    mkdirSync(join(tree, 'work/work/inner'), { recursive: true });
    chmodSync(join(tree, 'work/work'), 0);
    await addon().removeTree(tree);
    t.notOk(existsSync(tree));
  });

  await t.test('removes a tree deeper than a path can say, with few descriptors', async (t) => {
    const next = join(scratch, 'next');
    mkdirSync(tree);
    for (let i = 0; i < 3000; i += 1) {
      mkdirSync(next);
      renameSync(tree, join(next, `deep-${i}`));
      renameSync(next, tree);
    }
    writeFileSync(join(tree, '.removed-0'), 'a name that is taken');
    await addon().removeTree(tree);
    t.notOk(existsSync(tree));
  });

  await t.test('removes many at once', async (t) => {
    const trees = Array.from({ length: 10 }, (_, i) => join(scratch, `many-${i}`));
    for (const path of trees) mkdirSync(join(path, 'a/b/c'), { recursive: true });
    await Promise.all(trees.map((path) => addon().removeTree(path)));
    t.same(
      readdirSync(scratch).filter((name) => name.startsWith('many-')),
      [],
    );
  });

  await t.test('refuses the root', async (t) => {
    await t.rejects(addon().removeTree('/'), { message: /unlinkat/ });
    await t.rejects(addon().removeTree(`${scratch}/tree/..`), { message: /unlinkat/ });
  });

  await t.test('syncFilesystem resolves for a path that is there, and names one that is not', async (t) => {
    t.equal(await addon().syncFilesystem(scratch), undefined);
    await t.rejects(addon().syncFilesystem(tree), { message: new RegExp(`open ${tree}`) });
  });
});
