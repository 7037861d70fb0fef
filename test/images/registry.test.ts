import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { systemClock } from '../../src/clock.js';
import type { Descriptor } from '../../src/images/format/descriptor.js';
import { digestOf } from '../../src/images/format/digest.js';
import { parseManifest } from '../../src/images/format/manifest.js';
import { parseReference } from '../../src/images/format/reference.js';
import { Authenticator, type CredentialSource } from '../../src/images/sources/auth.js';
import { HttpClient } from '../../src/images/sources/http.js';
import { endpointsFor } from '../../src/images/sources/mirrors.js';
import { type ConfRegistry, parseRegistriesConf } from '../../src/images/sources/registries-conf.js';
import { RegistrySource } from '../../src/images/sources/registry.js';
import { skipWithout } from '../helpers/command.js';
import { buildImage } from '../helpers/image-builder.js';
import { password, user } from '../helpers/login.js';
import { pushToRegistry } from '../helpers/push.js';
import { copyWithSkopeo, startRegistry } from '../helpers/registry.js';

const skip = skipWithout('docker-registry', 'skopeo', 'openssl');
const signal = new AbortController().signal;
const login: CredentialSource = async () => ({ username: user, password });

/** The source for a name, as it would be asked. */
function sourceFor(name: string, options: { credentials?: CredentialSource; conf?: readonly ConfRegistry[] } = {}) {
  const http = new HttpClient(systemClock);
  const access = { http, auth: new Authenticator(http, options.credentials), schemes: new Map() };
  const [endpoint] = endpointsFor(parseReference(name), {}, options.conf ?? []);
  if (!endpoint) throw new Error('no endpoint');
  return { source: new RegistrySource(endpoint, access), close: () => http.close() };
}

async function makeLayout(directory: string, index = false): Promise<string> {
  const layer = { tree: (root: string) => writeFileSync(join(root, 'file'), 'x') };
  await buildImage({ layers: [layer], config: { Cmd: ['true'] }, index }, directory, ['it']);
  return directory;
}

test('docker-registry', { skip }, async (t) => {
  const registry = await startRegistry();
  t.teardown(() => registry.stop());
  const layout = await makeLayout(t.testdir({}));
  await pushToRegistry(layout, 'it', registry, 'a/b:1');

  await t.test('a tag resolves to the digest of its manifest', async (t) => {
    const { source, close } = sourceFor(`${registry.host}/a/b:1`);
    t.teardown(close);
    const digest = await source.resolve({ tag: '1' }, signal);
    const document = await source.fetchManifest({ tag: '1' }, signal);
    t.equal(document.digest, digest);
    t.equal(digestOf(document.data), digest);
    t.equal((await source.fetchManifest({ digest }, signal)).digest, digest);
    t.equal(parseManifest('x', document.data, { contentType: document.contentType }).kind, 'manifest');
  });

  await t.test('a blob is read from the beginning and from the middle', async (t) => {
    const { source, close } = sourceFor(`${registry.host}/a/b:1`);
    t.teardown(close);
    const document = await source.fetchManifest({ tag: '1' }, signal);
    const manifest = parseManifest('x', document.data, { contentType: document.contentType });
    const { config } = manifest as { config: Descriptor };
    const expected = readFileSync(join(layout, 'blobs', 'sha256', config.digest.slice(7)));
    for (const offset of [0, 7]) {
      const blob = await source.openBlob(config, offset, signal);
      const chunks: Uint8Array[] = [];
      for await (const chunk of blob.body) chunks.push(chunk);
      t.same({ offset: blob.offset, size: blob.sizeBytes }, { offset, size: config.sizeBytes });
      t.ok(Buffer.concat(chunks).equals(expected.subarray(offset)));
    }
  });

  await t.test('what is not there is not found, in the words of the registry', async (t) => {
    const { source, close } = sourceFor(`${registry.host}/a/b:2`);
    t.teardown(close);
    const notFound = { code: 'ERR_PODRUN_IMAGE_NOT_FOUND', message: /not found/ };
    await t.rejects(source.resolve({ tag: '2' }, signal), notFound);
    await t.rejects(source.fetchManifest({ tag: '2' }, signal), { ...notFound, message: /manifest unknown/ });
    await t.rejects(
      source.openBlob({ mediaType: 'x', digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 1 }, 0, signal),
      notFound,
    );
  });

  await t.test("skopeo's schema 2 and an index come as they are", async (t) => {
    await copyWithSkopeo(layout, 'it', registry, 'schema2:1', { schema2: true });
    await pushToRegistry(await makeLayout(t.testdir({}), true), 'it', registry, 'index:1');
    for (const [name, kind, type] of [
      ['schema2', 'manifest', 'application/vnd.docker.distribution.manifest.v2+json'],
      ['index', 'index', 'application/vnd.oci.image.index.v1+json'],
    ] as const) {
      const { source, close } = sourceFor(`${registry.host}/${name}:1`);
      t.teardown(close);
      const { data, contentType } = await source.fetchManifest({ tag: '1' }, signal);
      t.equal(contentType, type);
      t.equal(parseManifest(name, data, { contentType }).kind, kind);
    }
  });

  await t.test('a signal that was aborted stops a request', async (t) => {
    const { source, close } = sourceFor(`${registry.host}/a/b:1`);
    t.teardown(close);
    const reason = new Error('enough');
    await t.rejects(source.resolve({ tag: '1' }, AbortSignal.abort(reason)), reason);
  });
});

test('a registry with tokens', { skip }, async (t) => {
  const registry = await startRegistry({ auth: 'token' });
  t.teardown(() => registry.stop());
  const layout = await makeLayout(t.testdir({}));
  for (const name of ['public/x:1', 'private/x:1']) await copyWithSkopeo(layout, 'it', registry, name, { login: true });
  const tokens = registry.tokens?.requests ?? [];

  await t.test('serves the public with one anonymous token for many requests', async (t) => {
    const before = tokens.length;
    const { source, close } = sourceFor(`${registry.host}/public/x:1`);
    t.teardown(close);
    for (let i = 0; i < 3; i++) t.match(await source.resolve({ tag: '1' }, signal), /^sha256:/);
    t.same(tokens.slice(before), [{ scope: 'repository:public/x:pull', authorization: undefined }]);
  });

  await t.test('refuses the private without a login, and takes a login', async (t) => {
    const anonymous = sourceFor(`${registry.host}/private/x:1`);
    t.teardown(anonymous.close);
    await t.rejects(anonymous.source.resolve({ tag: '1' }, signal), {
      code: 'ERR_PODRUN_REGISTRY_AUTH',
      message: /no access/,
      hint: /login/,
    });
    const known = sourceFor(`${registry.host}/private/x:1`, { credentials: login });
    t.teardown(known.close);
    t.match(await known.source.resolve({ tag: '1' }, signal), /^sha256:/);
  });
});

test('a registry with passwords', { skip }, async (t) => {
  const registry = await startRegistry({ auth: 'basic' });
  t.teardown(() => registry.stop());
  await copyWithSkopeo(await makeLayout(t.testdir({})), 'it', registry, 'x:1', { login: true });
  const anonymous = sourceFor(`${registry.host}/x:1`);
  t.teardown(anonymous.close);
  await t.rejects(anonymous.source.resolve({ tag: '1' }, signal), {
    code: 'ERR_PODRUN_REGISTRY_AUTH',
    message: /user name and password/,
  });
  const known = sourceFor(`${registry.host}/x:1`, { credentials: login });
  t.teardown(known.close);
  t.match(await known.source.resolve({ tag: '1' }, signal), /^sha256:/);
  const wrong = sourceFor(`${registry.host}/x:1`, { credentials: async () => ({ username: user, password: 'wrong' }) });
  t.teardown(wrong.close);
  await t.rejects(wrong.source.resolve({ tag: '1' }, signal), { code: 'ERR_PODRUN_REGISTRY_AUTH' });
});

test('a registry with a certificate that nobody vouches for', { skip }, async (t) => {
  const registry = await startRegistry({ tls: true });
  t.teardown(() => registry.stop());
  await copyWithSkopeo(await makeLayout(t.testdir({})), 'it', registry, 'x:1');
  const strict = sourceFor(`${registry.host}/x:1`);
  t.teardown(strict.close);
  await t.rejects(strict.source.resolve({ tag: '1' }, signal), {
    code: 'ERR_PODRUN_REGISTRY_UNAVAILABLE',
    message: /certificate/,
  });
  const conf = await parseRegistriesConf('x.conf', `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n`);
  const insecure = sourceFor(`${registry.host}/x:1`, { conf });
  t.teardown(insecure.close);
  t.match(await insecure.source.resolve({ tag: '1' }, signal), /^sha256:/);
});

test('a registry that is away says so at once', async (t) => {
  const { source, close } = sourceFor('127.0.0.1:1/x:1');
  t.teardown(close);
  const started = performance.now();
  await t.rejects(source.resolve({ tag: '1' }, signal), {
    code: 'ERR_PODRUN_REGISTRY_UNAVAILABLE',
    message: /connection refused/,
  });
  t.ok(performance.now() - started < 1000);
});

test('the starter image, when made, is read like any other source', {
  skip: !existsSync('rootfs-cache/starter/index.json') && 'needs rootfs-cache/build.mjs',
}, async (t) => {
  const { LayoutSource } = await import('../../src/images/sources/layout.js');
  const source = new LayoutSource('rootfs-cache/starter');
  const document = await source.fetchManifest({ tag: 'latest' });
  t.equal(await source.resolve({ tag: 'latest' }), document.digest);
  t.equal(parseManifest('starter', document.data, { contentType: document.contentType }).kind, 'manifest');
  await t.rejects(source.resolve({ tag: 'nope' }), { code: 'ERR_PODRUN_IMAGE_NOT_FOUND', message: /it has latest/ });
});
