import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Test, test } from 'tap';
import { takeLease } from '../../src/images/leases.js';
import { LocalImages } from '../../src/images/manage/images.js';
import { createImageService } from '../../src/images/service.js';
import { sweepImageStore } from '../../src/images/sweep.js';
import { run, skipWithout } from '../helpers/command.js';
import { buildImage } from '../helpers/image-builder.js';
import { imageNative, skipWithoutAddon } from '../helpers/image-native.js';
import { project } from '../helpers/project.js';
import { startRegistry } from '../helpers/registry.js';

const skip =
  (process.geteuid?.() !== 0 && 'needs root') || skipWithoutAddon || skipWithout('docker-registry', 'skopeo', 'tar');

function place(t: Test): string {
  const directory = mkdtempSync('/dev/shm/podrun-verbs-');
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function imagesAt(t: Test, root: string): LocalImages {
  const images = new LocalImages({ root, registriesConf: '/dev/null', native: imageNative() });
  t.teardown(() => images.close());
  return images;
}

const base = { tree: (root: string) => writeFileSync(join(root, 'base'), 'base') };

/** Two layers, the lower of which all of them share. */
async function layout(directory: string, text: string, tag: string): Promise<string> {
  const own = { tree: (root: string) => writeFileSync(join(root, 'own'), text), key: text };
  await buildImage({ layers: [base, own], config: { Cmd: [text] } }, directory, [tag]);
  return directory;
}

function filesOf(root: string, name: string): string[] {
  return existsSync(join(root, name)) ? readdirSync(join(root, name)) : [];
}

async function skopeo(...args: string[]): Promise<string> {
  return (await run('skopeo', ['--insecure-policy', ...args])).toString();
}

test('archives that skopeo makes are loaded, and skopeo reads what is saved', { skip }, async (t) => {
  const work = place(t);
  await layout(join(work, 'layout'), 'hello', 'example.com/hello:1');
  await skopeo(
    'copy',
    '-q',
    `oci:${work}/layout:example.com/hello:1`,
    `docker-archive:${work}/docker.tar:example.com/hello:d`,
  );
  await run('tar', ['-C', join(work, 'layout'), '-czf', join(work, 'oci.tar.gz'), '.']);
  const images = imagesAt(t, join(work, 'store'));

  for (const [from, reference] of [
    ['layout', 'example.com/hello:1'],
    ['oci.tar.gz', 'example.com/hello:1'],
    ['docker.tar', 'example.com/hello:d'],
  ] as const) {
    const [loaded] = await images.load(join(work, from));
    t.equal(loaded?.reference, reference, from);
    t.equal(loaded?.layers, 2);
    const service = createImageService({ root: join(work, 'store'), native: imageNative() });
    const image = await service.resolve(reference, { policy: 'Never' });
    t.equal(readFileSync(join(image.lowerdirs[0] ?? '', 'own'), 'utf8'), 'hello');
    await service.close();
  }
  t.equal((await images.load(join(work, 'layout')))[0]?.reference, 'example.com/hello:1', 'once more is no error');

  await images.save(['example.com/hello:1', 'example.com/hello:d'], join(work, 'both.tar'));
  const oci = JSON.parse(await skopeo('inspect', `oci-archive:${work}/both.tar:example.com/hello:1`));
  const known = await images.inspect('example.com/hello:1');
  t.equal(oci.Digest, known.manifestDigest, 'the very bytes that came');
  t.match(known, { config: { Cmd: ['hello'] }, platform: { os: 'linux' } });
  await images.save(['example.com/hello:1'], join(work, 'saved.tar'), { format: 'docker-archive' });
  const docker = JSON.parse(await skopeo('inspect', `docker-archive:${work}/saved.tar:example.com/hello:1`));
  t.equal(docker.Layers.length, 2);

  const other = imagesAt(t, join(work, 'other'));
  for (const file of ['both.tar', 'saved.tar']) t.ok((await other.load(join(work, file))).length > 0, file);
  t.equal((await other.inspect('example.com/hello:1')).id, known.id, 'the ID survives every form');
  t.same([filesOf(join(work, 'other'), 'ingest'), filesOf(join(work, 'other'), 'locks')], [[], []]);
});

test('hostile archives are refused and leave nothing', { skip }, async (t) => {
  const work = place(t);
  const store = join(work, 'store');
  const images = imagesAt(t, store);
  await layout(join(work, 'good'), 'good', 'x.test/good:1');
  const good = join(work, 'good');
  const refused = async (name: string, error: { code: string | RegExp; message?: RegExp }, ...tar: string[]) => {
    const file = join(work, `${name}.tar`);
    await run('tar', ['-C', good, ...tar, '-Pcf', file, '.']);
    await t.rejects(images.load(file), error, name);
    t.same([filesOf(store, 'images'), filesOf(store, 'layers'), filesOf(store, 'ingest')], [[], [], []], name);
  };
  const archive = { code: 'ERR_PODRUN_ARCHIVE' };
  await refused('parent', { ...archive, message: /\.\.\// }, '--transform', 's,^./oci-layout,../../oci-layout,');
  await refused('absolute', archive, '--transform', 's,^./oci-layout,/tmp/oci-layout,');
  await refused('twice', { ...archive, message: /twice/ }, '--transform', 's,^./oci-layout,./index.json,');
  await refused('nothing', archive, '--exclude', './index.json');
  const whole = join(work, 'whole.tar');
  await run('tar', ['-C', good, '-cf', whole, '.']);
  for (const bytes of [100, 700, 1600, 3000]) {
    writeFileSync(join(work, 'cut.tar'), readFileSync(whole).subarray(0, bytes));
    await t.rejects(
      images.load(join(work, 'cut.tar')),
      { code: /ERR_PODRUN_(ARCHIVE|IMAGE_NOT_FOUND)/ },
      `cut at ${bytes}`,
    );
  }
  writeFileSync(join(work, 'junk'), Buffer.alloc(5000, 'junk'));
  await t.rejects(images.load(join(work, 'junk')), archive);
  writeFileSync(join(work, 'bomb'), gzipSync(Buffer.alloc(64 << 20)));
  await t.rejects(images.load(join(work, 'bomb')), archive);
  await t.rejects(images.load(join(work, 'missing')), archive);

  // A blob that is not what its name says, and one that is a link to a file of the machine.
  const [first = ''] = readdirSync(join(good, 'blobs/sha256'));
  const blob = join(good, 'blobs/sha256', first);
  const content = readFileSync(blob);
  writeFileSync(blob, Buffer.alloc(content.byteLength, 1));
  await refused('damaged', { code: /ERR_PODRUN_(BLOB|IMAGE)_/ });
  rmSync(blob);
  symlinkSync('/etc/passwd', blob);
  await refused('link', { code: 'ERR_PODRUN_IMAGE_NOT_FOUND' });
});

test('an image is pushed to docker-registry, and comes back the same', { skip }, async (t) => {
  const work = place(t);
  const registry = await startRegistry();
  t.teardown(() => registry.stop());
  const images = imagesAt(t, join(work, 'store'));
  await images.load(await layout(join(work, 'l'), 'pushed', 'x.test/p:1'));
  const pushed = await images.push('x.test/p:1', `${registry.host}/copy/p:2`);
  t.equal(pushed.uploaded, 3, 'config and two layers');
  t.equal((await images.push('x.test/p:1', `${registry.host}/copy/p:3`)).uploaded, 0, 'nothing twice');
  const seen = JSON.parse(await skopeo('inspect', '--tls-verify=false', `docker://${registry.host}/copy/p:2`));
  t.equal(seen.Digest, pushed.digest);
  const other = imagesAt(t, join(work, 'other'));
  t.equal((await other.pull(`${registry.host}/copy/p:2`)).id, (await images.list())[0]?.id);
  await t.rejects(images.push('x.test/none:1'), { code: 'ERR_PODRUN_IMAGE_NOT_FOUND' });
  await t.rejects(images.push('x.test/p:1', 'podrun.local/x:1'), { code: 'ERR_PODRUN_REGISTRY_REFUSED' });
});

test('an image is pushed with a password', { skip }, async (t) => {
  const work = place(t);
  const registry = await startRegistry({ auth: 'basic' });
  t.teardown(() => registry.stop());
  const { password, user: username } = await import('../helpers/login.js');
  const credentials = async () => ({ username, password });
  const images = new LocalImages({
    root: join(work, 's'),
    registriesConf: '/dev/null',
    native: imageNative(),
    credentials,
  });
  t.teardown(() => images.close());
  await images.load(await layout(join(work, 'l'), 'secret', 'x.test/p:1'));
  t.equal((await images.push('x.test/p:1', `${registry.host}/p:1`)).uploaded, 3);
});

test('what no image and no Pod needs is removed, and nothing else', { skip }, async (t) => {
  const work = place(t);
  const store = join(work, 'store');
  const images = imagesAt(t, store);
  for (const name of ['a', 'b']) await images.load(await layout(join(work, name), name, `x.test/${name}:1`));
  t.equal(filesOf(store, 'layers').length, 3, 'the base is shared');

  const service = createImageService({ root: store, native: imageNative() });
  t.teardown(() => service.close());
  const image = await service.resolve('x.test/a:1', { policy: 'Never' });
  const disk = join(store, 'pods', 'uid-1');
  mkdirSync(disk, { recursive: true });
  t.ok(takeLease(disk, image));
  await t.rejects(images.remove('x.test/a:1'), { code: 'ERR_PODRUN_IMAGE_IN_USE', message: /uid-1/ });
  t.match(await images.usage(), {
    images: { count: 2, active: 1 },
    layers: { count: 3, active: 2 },
    pods: { count: 1 },
  });

  t.match(await images.remove('x.test/a:1', { force: true }), { layers: 0, blobs: 3, deferred: false });
  t.ok(
    image.lowerdirs.every((path) => existsSync(path)),
    "a Pod's layers are never taken",
  );
  t.match(await images.prune({ all: true, olderThanMs: 3_600_000 }), { references: [], layers: 0 }, 'b is young');
  t.match(await images.prune({ all: true }), { references: ['x.test/b:1'], layers: 1 });
  t.ok(image.lowerdirs.every((path) => existsSync(path)));
  rmSync(disk, { recursive: true });
  t.match(await images.prune(), { layers: 2, blobs: 0 }, 'the lease goes with the Pod');
  t.same([filesOf(store, 'layers'), filesOf(store, 'blobs/sha256'), filesOf(store, 'trash')], [[], [], []]);
  t.notOk(takeLease(mkdirAt(store), image), 'a lease on what is gone says so');

  rmSync(join(store, 'pods', 'uid-2'), { recursive: true });

  // While somebody pulls, what looks unneeded may be needed in a moment.
  await images.load(join(work, 'a'));
  const pulling = imageNative().lock(join(store, 'gc.lock'), { wait: false, shared: true });
  t.match(await images.remove('x.test/a:1'), { deferred: true, layers: 0 });
  t.equal(filesOf(store, 'layers').length, 2);
  pulling?.close();
  t.match(await images.prune(), { deferred: false, layers: 2 });
});

function mkdirAt(store: string): string {
  const disk = join(store, 'pods', 'uid-2');
  mkdirSync(disk, { recursive: true });
  return disk;
}

const child = `
import { LocalImages } from '${new URL('../../src/images/manage/images.ts', import.meta.url).href}';
const [root, file] = process.argv.slice(-2);
await new LocalImages({ root, registriesConf: '/dev/null' }).load(file);
`;

test('a load that is killed leaves nothing that is not complete', { skip }, async (t) => {
  const work = place(t);
  await layout(join(work, 'l'), 'x'.repeat(3_000_000), 'x.test/k:1');
  const file = join(work, 'l.tar');
  await run('tar', ['-C', join(work, 'l'), '-cf', file, '.']);
  const script = join(work, 'child.ts');
  writeFileSync(script, child);
  const loader = join(project, 'test/tools/ts.mjs');
  for (const delay of [1, 5, 15, 40, 80]) {
    const store = join(work, `store${delay}`);
    const puller = spawn(process.execPath, ['--import', loader, script, store, file], { stdio: 'ignore' });
    const ended = new Promise((resolve) => puller.once('exit', resolve));
    while (!existsSync(join(store, 'ingest')) && puller.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 1));
    await new Promise((resolve) => setTimeout(resolve, delay));
    puller.kill('SIGKILL');
    await ended;
    t.ok(existsSync(join(store, 'ingest')), 'it had begun');
    await sweepImageStore(store, imageNative());
    t.same([filesOf(store, 'ingest'), filesOf(store, 'locks')], [[], []], `swept after ${delay} ms`);
    const [loaded] = await imagesAt(t, store).load(file);
    t.equal(loaded?.layers, 2);
  }
});
