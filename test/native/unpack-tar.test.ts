import { execFileSync } from 'node:child_process';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'tap';
import { type Bytes, file, pax, tar } from '../helpers/tar-builder.js';
import { addon, addonSkip, generous, scratchDirectory } from './unpack/run.js';

/** A tree with what archives write in different ways: long names, long targets, holes, links, old times. */
function makeTree(root: string): void {
  const deep = join(root, 'a-rather-long-directory-name/'.repeat(5));
  mkdirSync(deep, { recursive: true });
  writeFileSync(join(deep, 'file-at-the-end-of-a-long-path'), 'deep');
  writeFileSync(join(root, 'grüße'), 'utf8');
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from('latin\xe9', 'latin1')]), 'latin1');
  writeFileSync(join(root, 'empty'), '');
  writeFileSync(join(root, 'block'), 'x'.repeat(512));
  writeFileSync(join(root, 'setuid'), 'x', { mode: 0o755 });
  execFileSync('chmod', ['4711', join(root, 'setuid')]);
  linkSync(join(root, 'block'), join(root, 'linked'));
  symlinkSync('t/'.repeat(120), join(root, 'long-link'));
  symlinkSync('block', join(root, 'link'));
  execFileSync('mkfifo', [join(root, 'fifo')]);
  utimesSync(join(root, 'block'), 1, 1_234_567_890.5);
  utimesSync(deep, 1, 1_000_000_000);
}

/** Holes at the start, between and at the end, in more pieces than a header holds. */
function makeSparse(path: string): void {
  for (let i = 0; i < 30; i += 1) {
    execFileSync('dd', [`of=${path}`, 'bs=4096', `seek=${i * 16 + 3}`, 'conv=notrunc', 'status=none'], {
      input: `piece ${i}`.padEnd(4096, '.'),
    });
  }
  execFileSync('truncate', ['-s', '3000001', path]);
}

/** Everything of a tree that both unpackers must agree on, names byte by byte. */
function describe(root: Buffer, below = ''): string[] {
  return readdirSync(root, { encoding: 'buffer' })
    .flatMap((name) => {
      const path = Buffer.concat([root, Buffer.from('/'), name]);
      const shown = `${below}/${name.toString('latin1')}`;
      const { mode, uid, gid, size, nlink, mtimeNs } = lstatSync(path, { bigint: true });
      const kind = lstatSync(path);
      if (kind.isDirectory()) return [[shown, mode, uid, gid, mtimeNs].join(' '), ...describe(path, shown)];
      const content = kind.isFile() ? readFileSync(path, 'latin1') : kind.isSymbolicLink() ? readlinkSync(path) : '';
      return [[shown, mode, uid, gid, size, nlink, mtimeNs, content].join(' ')];
    })
    .sort();
}

test('archives of GNU tar unpack as GNU tar unpacks them', { skip: addonSkip }, async (t) => {
  const scratch = scratchDirectory();
  t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
  const source = join(scratch, 'source');
  mkdirSync(source);
  makeTree(source);
  makeSparse(join(source, 'sparse'));
  const formats = [
    ['gnu'],
    ['oldgnu'],
    ['posix'],
    ['gnu', '--sparse'],
    ...['0.0', '0.1', '1.0'].map((version) => ['posix', '--sparse', `--sparse-version=${version}`]),
  ];
  for (const [format, ...options] of formats) {
    await t.test([format, ...options].join(' '), async (t) => {
      const blob = join(scratch, 'archive.tar');
      execFileSync('tar', ['-C', source, `--format=${format}`, ...options, '-cf', blob, '.']);
      const [theirs, ours] = ['theirs', 'ours'].map((name) => join(scratch, name)) as [string, string];
      for (const path of [theirs, ours]) mkdirSync(path);
      execFileSync('tar', ['-C', theirs, '-xpf', blob]);
      await addon().unpackLayer({ blob, compression: 'none', into: ours, ...generous });
      t.same(describe(Buffer.from(ours)), describe(Buffer.from(theirs)));
      if (options.length > 0) t.ok(lstatSync(join(ours, 'sparse')).blocks * 512 < 1_000_000, 'the holes are holes');
      for (const path of [theirs, ours]) rmSync(path, { recursive: true });
    });
  }
});

const component = fc
  .uint8Array({ minLength: 1, maxLength: 255 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte))))
  .filter((name) => !/^(\.{1,2}$|\.wh\.)/.test(name.toString('latin1')));
const name = fc
  .array(component, { minLength: 1, maxLength: 5 })
  .map((parts) => Buffer.concat(parts.flatMap((part, i) => (i > 0 ? [Buffer.from('/'), part] : [part]))));
/** Between 1901 and 2446, what ext4 can hold too. */
const time = fc.record({
  seconds: fc.bigInt({ min: -(2n ** 31n), max: 2n ** 33n }),
  nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
});

/** Decimal, as PAX has it: the fraction counts away from zero. */
function paxTime({ seconds, nanoseconds }: { seconds: bigint; nanoseconds: number }): string {
  const total = seconds * 1_000_000_000n + BigInt(nanoseconds);
  const size = total < 0n ? -total : total;
  return `${total < 0n ? '-' : ''}${size / 1_000_000_000n}.${String(size % 1_000_000_000n).padStart(9, '0')}`;
}

test('PAX records say the name, the size and the time of any file', { skip: addonSkip }, async (t) => {
  const scratch = scratchDirectory();
  t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
  let run = 0;
  const property = fc.asyncProperty(name, fc.uint8Array({ maxLength: 2000 }), time, async (path, content, mtime) => {
    run += 1;
    const into = join(scratch, String(run));
    const blob = join(scratch, 'blob');
    mkdirSync(into);
    const records: Record<string, Bytes> = {
      comment: Buffer.from(content),
      path,
      size: String(content.length),
      mtime: paxTime(mtime),
      'VENDOR.key=with': '=equals\n12 path=no\n',
    };
    writeFileSync(blob, tar(pax(records), file('cut', Buffer.from(content), { size: 7 }), file('after', 'x')));
    await addon().unpackLayer({ blob, compression: 'none', into, ...generous });
    const target = Buffer.concat([Buffer.from(`${into}/`), path]);
    t.equal(lstatSync(target, { bigint: true }).mtimeNs, mtime.seconds * 1_000_000_000n + BigInt(mtime.nanoseconds));
    t.ok(readFileSync(target).equals(Buffer.from(content)));
    t.equal(readFileSync(join(into, 'after'), 'utf8'), 'x');
  });
  await fc.assert(property, { numRuns: 200 });
});

test('any bytes are unpacked or refused, with a code', { skip: addonSkip }, async (t) => {
  const scratch = scratchDirectory();
  t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
  const blob = join(scratch, 'blob');
  const source = tar(pax({ path: 'p', mtime: '1.5' }), file('a', 'x'.repeat(700)), file('d/b', 'y'));
  const flips = fc.array(fc.tuple(fc.nat(source.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
  let run = 0;
  let refused = 0;
  const property = fc.asyncProperty(flips, fc.nat(source.length), async (changes, length) => {
    run += 1;
    const into = join(scratch, String(run));
    mkdirSync(into);
    const bytes = Buffer.from(source.subarray(0, length));
    for (const [at, value] of changes) if (at < length) bytes[at] = value;
    writeFileSync(blob, bytes);
    const outcome = await addon()
      .unpackLayer({ blob, compression: 'none', into, ...generous })
      .then(
        () => 'unpacked',
        (error) => String((error as { code?: string }).code),
      );
    if (outcome !== 'unpacked') refused += 1;
    t.match(outcome, /^(unpacked|ERR_PODRUN_LAYER_[A-Z_]+)$/);
  });
  await fc.assert(property, { numRuns: 500 });
  t.ok(refused > 100 && refused < 500, `${refused} of 500 refused`);
});
