import { rmSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Test, test } from 'tap';
import type { UnpackLayer } from '../../native/addon/addon.js';
import { dir, file, pax, tar } from '../helpers/tar-builder.js';
import { plain } from './unpack/case.js';
import { addon, addonSkip, diffIdOf, generous, scratchDirectory } from './unpack/run.js';

interface Failure extends Error {
  readonly code?: string;
  readonly path?: string;
  readonly errno?: number;
  readonly syscall?: string;
}

/** A directory to unpack into and a function that unpacks into it. */
async function prepare(t: Test, blob: Buffer, more: Partial<UnpackLayer> = {}) {
  const scratch = scratchDirectory();
  t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
  const into = join(scratch, 'layer');
  await mkdir(into);
  writeFileSync(join(scratch, 'blob'), blob);
  const options: UnpackLayer = { blob: join(scratch, 'blob'), compression: 'none', into, ...generous, ...more };
  return { into, options, unpack: () => addon().unpackLayer(options) };
}

const failure = (promise: Promise<unknown>): Promise<Failure> =>
  promise.then(
    () => Promise.reject(new Error('it was unpacked')),
    (error) => error as Failure,
  );

test('unpackLayer', { skip: addonSkip }, async (t) => {
  await t.test('tells the DiffID, the bytes of the files and the entries', async (t) => {
    const layer = plain(tar(dir('d/'), file('d/a', 'hello'), file('b', 'x'.repeat(10_000))));
    const { into, unpack } = await prepare(t, layer.blob);
    t.same(await unpack(), { diffId: diffIdOf(layer), sizeBytes: 10_005, entries: 3 });
    t.equal(await readFile(join(into, 'd/a'), 'utf8'), 'hello');
  });

  await t.test('unpacks what is many times its buffers, in gzip as in plain', async (t) => {
    const big = Buffer.alloc(9_000_001, 'some text, not too random. ');
    const archive = tar(file('big', big), file('after', 'x'));
    for (const compression of ['none', 'gzip'] as const) {
      const blob = compression === 'gzip' ? gzipSync(archive) : archive;
      const { into, unpack } = await prepare(t, blob, { compression });
      t.equal((await unpack()).diffId, diffIdOf(plain(archive)));
      t.ok(big.equals(await readFile(join(into, 'big'))));
      t.equal(await readFile(join(into, 'after'), 'utf8'), 'x');
    }
  });

  await t.test('names the entry it refuses', async (t) => {
    const { unpack } = await prepare(t, tar(file('good', 'x'), file('bad/../../etc', 'x')));
    const error = await failure(unpack());
    t.equal(error.code, 'ERR_PODRUN_LAYER_UNSAFE_PATH');
    t.equal(error.path, 'bad/../../etc');
    t.equal(error.message, 'cannot unpack "bad/../../etc": the name climbs out of the image');
  });

  await t.test('shows control characters of a name as escapes', async (t) => {
    const { unpack } = await prepare(t, tar(file('\x1b[2Ja\n/..', 'x')));
    const error = await failure(unpack());
    t.equal(error.path, '\\x1b[2Ja\\x0a/..');
    t.ok([...error.message].every((c) => c >= ' '));
  });

  await t.test('a failing system call has errno, syscall and path', async (t) => {
    const { options } = await prepare(t, tar());
    const blob = await failure(addon().unpackLayer({ ...options, blob: `${options.blob}.missing` }));
    t.match(blob, { errno: 2, syscall: 'open', path: `${options.blob}.missing` });
    const into = await failure(addon().unpackLayer({ ...options, into: `${options.into}.missing` }));
    t.match(into, { errno: 2, syscall: 'open', path: `${options.into}.missing` });
  });

  await t.test('refuses arguments of another shape at once', async (t) => {
    const { options } = await prepare(t, tar());
    t.throws(() => addon().unpackLayer({ ...options, compression: 'xz' as 'gzip' }), TypeError);
    t.throws(() => addon().unpackLayer({ ...options, maxBytes: -1 }), TypeError);
    t.throws(() => addon().unpackLayer({ ...options, into: 'a\0b' }), TypeError);
  });

  await t.test('stops when it is cancelled', async (t) => {
    const { options } = await prepare(t, gzipSync(tar(file('big', Buffer.alloc(300 << 20)))), { compression: 'gzip' });
    let cancel = () => {};
    const unpacking = addon().unpackLayer(options, { onAbort: (by) => (cancel = by) });
    cancel();
    t.equal((await failure(unpacking)).code, 'ERR_PODRUN_CANCELLED');
    t.ok((await readdir(options.into)).length <= 1);
  });
});

test('limits of unpackLayer', { skip: addonSkip }, async (t) => {
  await t.test('bytes of all files together', async (t) => {
    const archive = tar(file('a', 'x'.repeat(600)), file('b', 'x'.repeat(400)));
    t.equal((await (await prepare(t, archive, { maxBytes: 1000 })).unpack()).sizeBytes, 1000);
    const error = await failure((await prepare(t, archive, { maxBytes: 999 })).unpack());
    t.match(error, { code: 'ERR_PODRUN_LAYER_LIMIT', path: 'b' });
  });

  await t.test('the apparent size of a sparse file counts', async (t) => {
    const archive = tar(pax({ 'GNU.sparse.size': '4096', 'GNU.sparse.map': '0,1' }), file('a', 'x'));
    t.equal((await failure((await prepare(t, archive, { maxBytes: 4095 })).unpack())).code, 'ERR_PODRUN_LAYER_LIMIT');
  });

  await t.test('entries, and directories that none of them describes', async (t) => {
    const archive = tar(file('a/b/c', 'x'), file('d', 'x'));
    t.equal((await (await prepare(t, archive, { maxEntries: 4 })).unpack()).entries, 2);
    t.equal((await failure((await prepare(t, archive, { maxEntries: 3 })).unpack())).code, 'ERR_PODRUN_LAYER_LIMIT');
  });

  await t.test('what stands after the end of the archive', async (t) => {
    const blob = gzipSync(Buffer.concat([tar(), Buffer.alloc(20 << 20)]));
    const bounds = { compression: 'gzip', maxBytes: 1000, maxEntries: 10 } as const;
    t.equal((await failure((await prepare(t, blob, bounds)).unpack())).code, 'ERR_PODRUN_LAYER_LIMIT');
    t.equal((await (await prepare(t, blob, { ...bounds, maxBytes: 20 << 20 })).unpack()).entries, 0);
  });

  await t.test('memory stays bounded, whatever the layer unpacks to', async (t) => {
    const { unpack } = await prepare(t, gzipSync(tar(file('zeros', Buffer.alloc(400 << 20)))), { compression: 'gzip' });
    globalThis.gc?.();
    const before = process.resourceUsage().maxRSS;
    await unpack();
    t.ok(process.resourceUsage().maxRSS - before < 32 << 10, 'less than 32 MiB more');
  });

  await t.test('many unpack at once, each on threads of its own', async (t) => {
    const all = await Promise.all(
      Array.from({ length: 8 }, (_, i) => prepare(t, tar(file(`f${i}`, String(i).repeat(100_000))))),
    );
    const results = await Promise.all(all.map(({ unpack }) => unpack()));
    t.same(
      results.map(({ sizeBytes }) => sizeBytes),
      Array(8).fill(100_000),
    );
    for (const [i, { into }] of all.entries()) t.equal((await stat(join(into, `f${i}`))).size, 100_000);
  });
});
