import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Test, test } from 'tap';
import type { Clock } from '../../src/clock.js';
import type { Descriptor } from '../../src/images/format/descriptor.js';
import { parseReference } from '../../src/images/format/reference.js';
import { Authenticator, type CredentialSource } from '../../src/images/sources/auth.js';
import { HttpClient } from '../../src/images/sources/http.js';
import { endpointsFor, type MirrorTable } from '../../src/images/sources/mirrors.js';
import { RegistrySource } from '../../src/images/sources/registry.js';
import type { ImageSource } from '../../src/images/sources/source.js';
import { ensureBlob } from '../../src/images/store/blobs.js';
import { Locks } from '../../src/images/store/locks.js';
import { Store } from '../../src/images/store/store.js';
import { Workspace } from '../../src/images/store/workspace.js';
import {
  challenge,
  cutAfter,
  type Fault,
  failWith,
  type HostileRegistry,
  redirectTo,
  sendInstead,
  stall,
  startHostileRegistry,
} from '../helpers/hostile-registry.js';
import { imageNative, skipWithoutAddon } from '../helpers/image-native.js';

const never = new AbortController().signal;
const data = randomBytes(300_000);

/** Waits are written down instead of waited for. */
const sleeps: number[] = [];
const clock: Clock = {
  monotonicMs: () => performance.now(),
  now: () => new Date(),
  async sleep(ms, signal) {
    signal?.throwIfAborted();
    sleeps.push(ms);
  },
};

async function hostile(t: Test, ...faults: readonly Fault[]): Promise<{ registry: HostileRegistry; blob: Descriptor }> {
  const registry = await startHostileRegistry();
  t.teardown(() => registry.stop());
  registry.faults = [...faults];
  const { mediaType, digest, size } = registry.blob('application/octet-stream', data);
  return { registry, blob: { mediaType, digest, sizeBytes: size } };
}

/** Sources for docker.io/library/x through these mirrors alone. */
function sourcesFor(t: Test, mirrors: readonly string[], credentials?: CredentialSource): ImageSource[] {
  const http = new HttpClient(clock, { connectMs: 2000, stallMs: 300 });
  t.teardown(() => http.close());
  const access = { http, auth: new Authenticator(http, credentials), schemes: new Map() };
  const table: MirrorTable = { 'docker.io': mirrors };
  const endpoints = endpointsFor(parseReference('x'), table, []).slice(0, mirrors.length);
  return endpoints.map((endpoint) => new RegistrySource(endpoint, access));
}

async function fetchInto(t: Test, sources: readonly ImageSource[], blob: Descriptor, signal = never) {
  const store = new Store(`${t.testdir({})}/store`);
  store.prepare();
  const native = imageNative();
  const workspace = await Workspace.open(store, native);
  const context = { clock, store, locks: new Locks(store.locks, native), workspace, sources };
  const result = await ensureBlob(context, { blob, signal }).then(
    (path) => ({ path }),
    (error: unknown) => ({ error }),
  );
  const left = readdirSync(store.ingest, { recursive: true }).filter(
    (name) => !String(name).endsWith('.lock') && String(name).includes('/'),
  );
  await workspace.close();
  return { ...result, store, left };
}

interface Outcome {
  readonly code: string;
  readonly message?: RegExp;
}

/** Fetches a blob through the faults; it arrives whole, or fails as said and leaves nothing. */
async function check(
  t: Test,
  outcome: 'arrives' | Outcome,
  makeFaults: (registry: HostileRegistry, blob: Descriptor) => readonly Fault[],
) {
  const { registry, blob } = await hostile(t);
  registry.faults = [...makeFaults(registry, blob)];
  const result = await fetchInto(t, sourcesFor(t, [registry.url]), blob);
  const visible = existsSync(result.store.blob(blob.digest));
  t.same(result.left, [], 'no temporary file is left');
  t.same(readdirSync(result.store.locks), [], 'no lock is left');
  if (outcome === 'arrives') {
    if ('error' in result) throw result.error;
    t.ok(readFileSync(result.path).equals(data), 'every byte arrived');
  } else {
    t.match('error' in result && result.error, outcome);
    t.notOk(visible, 'nothing is visible');
  }
  return { registry, blob };
}

test('a misbehaving registry', { skip: skipWithoutAddon }, async (t) => {
  await t.test('a body that is cut goes on where it ended', async (t) => {
    const { registry } = await check(t, 'arrives', () => [cutAfter('/blobs/', data, 70_000, 3)]);
    const ranges = registry.requests.map(({ headers }) => headers['range']);
    t.equal(ranges[0], undefined);
    t.ok(
      ranges.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(String(range))),
      'by Range',
    );
    t.ok(ranges.length >= 4);
  });

  await t.test('a server without ranges is asked for the whole again', async (t) => {
    const { registry } = await check(t, 'arrives', () => {
      const cut = cutAfter('/blobs/', data, 70_000, 1);
      return [cut, sendInstead('/blobs/', data)];
    });
    t.equal(registry.requests.length, 2);
  });

  await t.test('a body that is cut for ever is given up', async (t) => {
    await check(t, { code: 'ERR_PODRUN_REGISTRY_UNAVAILABLE', message: /again and again/ }, () => [
      cutAfter('/blobs/', data, 0, 1000),
    ]);
  });

  await t.test('a transfer that stalls is given up', async (t) => {
    await check(t, { code: 'ERR_PODRUN_REGISTRY_UNAVAILABLE' }, () => [stall('/blobs/', data.byteLength)]);
  });

  await t.test('another content of the same length is refused', async (t) => {
    const other = Buffer.from(data);
    other[1000] = (other[1000] ?? 0) ^ 1;
    await check(t, { code: 'ERR_PODRUN_BLOB_DIGEST', message: /arrived with digest sha256:/ }, () => [
      sendInstead('/blobs/', other),
    ]);
  });

  await t.test('a shorter or longer blob than the manifest says is refused', async (t) => {
    for (const length of [data.byteLength - 1, data.byteLength + 1]) {
      const other = Buffer.concat([data, Buffer.from('x')]).subarray(0, length);
      await check(t, { code: 'ERR_PODRUN_BLOB_SIZE' }, () => [sendInstead('/blobs/', other)]);
    }
  });

  await t.test('more bytes than said, without a length, are not even written', async (t) => {
    await check(t, { code: 'ERR_PODRUN_BLOB_SIZE', message: /has more/ }, () => [
      (_, response) => {
        response.writeHead(200);
        response.end(Buffer.concat([data, data]));
        return true;
      },
    ]);
  });

  await t.test('the wrong part of a blob is refused', async (t) => {
    await check(t, { code: 'ERR_PODRUN_REGISTRY_PROTOCOL' }, () => [
      cutAfter('/blobs/', data, 70_000, 1),
      (_, response) => {
        response.writeHead(206, { 'content-range': `bytes 0-9/${data.byteLength}` });
        response.end('0123456789');
        return true;
      },
    ]);
  });

  await t.test('a busy registry is asked again after the time it names', async (t) => {
    sleeps.length = 0;
    await check(t, 'arrives', () => [
      failWith('/blobs/', 429, 1, { 'retry-after': '17' }),
      failWith('/blobs/', 503, 1),
    ]);
    t.equal(sleeps[0], 17_000);
    t.ok(sleeps.length === 2 && (sleeps[1] ?? 0) >= 150, 'and after a back-off when it names none');
  });

  await t.test('a registry that stays broken is given up', async (t) => {
    const { registry } = await check(t, { code: 'ERR_PODRUN_REGISTRY_UNAVAILABLE', message: /500/ }, () => [
      failWith('/blobs/', 500, 1000),
    ]);
    t.equal(registry.requests.length, 5);
  });

  await t.test('the next place is asked for what the first has damaged', async (t) => {
    const { registry: bad, blob } = await hostile(t, sendInstead('/blobs/', randomBytes(data.byteLength)));
    const { registry: good } = await hostile(t);
    const result = await fetchInto(t, sourcesFor(t, [bad.url, good.url]), blob);
    t.ok('path' in result && readFileSync(result.path).equals(data));
    const none = await fetchInto(t, sourcesFor(t, [bad.url, 'http://127.0.0.1:1']), blob);
    t.match('error' in none && none.error, {
      code: 'ERR_PODRUN_BLOB_DIGEST',
      message: new RegExp(`${bad.url}: blob .* arrived with digest .*; http://127.0.0.1:1: connection refused`),
    });
  });

  await t.test('an aborted fetch ends at once and leaves nothing', async (t) => {
    const { registry, blob } = await hostile(t, stall('/blobs/', data.byteLength));
    const abort = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => abort.abort(reason), 100);
    const result = await fetchInto(t, sourcesFor(t, [registry.url]), blob, abort.signal);
    t.equal('error' in result && result.error, reason);
    t.same(result.left, []);
  });
});

/** A server that writes down what it is asked. */
async function otherHost(
  t: Test,
  answer: (url: string) => Buffer,
): Promise<{ url: string; seen: { url: string; authorization: string | undefined }[] }> {
  const seen: { url: string; authorization: string | undefined }[] = [];
  const server = createServer((request, response) => {
    seen.push({ url: request.url ?? '', authorization: request.headers.authorization });
    response.end(answer(request.url ?? ''));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

const login: CredentialSource = async () => ({ username: 'alice', password: 'secret' });

test('credentials stay with the host they belong to', { skip: skipWithoutAddon }, async (t) => {
  await t.test('a redirect to another host carries none', async (t) => {
    const store = await otherHost(t, () => data);
    const { registry, blob } = await hostile(
      t,
      challenge('Basic realm="x"'),
      redirectTo('/blobs/', `${store.url}/object?signature=1`),
    );
    const result = await fetchInto(t, sourcesFor(t, [registry.url], login), blob);
    t.ok('path' in result, 'the blob comes from there');
    t.match(registry.requests.at(-1)?.headers['authorization'], /^Basic /);
    t.same(store.seen, [{ url: '/object?signature=1', authorization: undefined }]);
  });

  await t.test('a token service on another host gets no password, and may still give a token', async (t) => {
    const realm = await otherHost(t, () => Buffer.from(JSON.stringify({ token: 'abc' })));
    const { registry, blob } = await hostile(t);
    // Loopback has one address but many names: to the client these are two hosts.
    const elsewhere = realm.url.replace('127.0.0.1', 'localhost');
    registry.faults = [
      challenge(`Bearer realm="${elsewhere}/token",service="s"`, (authorization) => authorization === 'Bearer abc'),
    ];
    const result = await fetchInto(t, sourcesFor(t, [registry.url], login), blob);
    t.ok('path' in result);
    t.same(
      realm.seen.map(({ authorization }) => authorization),
      [undefined],
    );
    t.match(realm.seen[0]?.url, /^\/token\?service=s&scope=repository%3Alibrary%2Fx%3Apull$/);
  });

  await t.test('a token service that is not safe is refused', async (t) => {
    for (const realm of ['http://auth.example/token', 'file:///etc/passwd', 'nonsense', 'http://user:pw@127.0.0.1/']) {
      const { registry, blob } = await hostile(t, challenge(`Bearer realm="${realm}"`));
      const result = await fetchInto(t, sourcesFor(t, [registry.url], login), blob);
      t.match(
        'error' in result && result.error,
        { code: 'ERR_PODRUN_REGISTRY_REFUSED', message: /token service .* refused/ },
        realm,
      );
    }
  });

  await t.test('a token that would forge a header is refused', async (t) => {
    const realm = await otherHost(t, () => Buffer.from(JSON.stringify({ token: 'a\r\nx: y' })));
    const { registry, blob } = await hostile(t, challenge(`Bearer realm="${realm.url}"`));
    const result = await fetchInto(t, sourcesFor(t, [registry.url]), blob);
    t.match('error' in result && result.error, { code: 'ERR_PODRUN_REGISTRY_AUTH', message: /without a token/ });
  });
});

test('redirects that lead astray are refused', { skip: skipWithoutAddon }, async (t) => {
  for (const [location, message] of [
    ['ftp://127.0.0.1/x', /not http or https/],
    ['http://', /unusable place/],
  ] as const) {
    const { registry, blob } = await hostile(t, redirectTo('/blobs/', location));
    const result = await fetchInto(t, sourcesFor(t, [registry.url]), blob);
    t.match('error' in result && result.error, { code: 'ERR_PODRUN_REGISTRY_REFUSED', message }, location);
  }
  const { registry, blob } = await hostile(t);
  registry.faults = [redirectTo('/', `${registry.url}/v2/x/blobs/again`)];
  const result = await fetchInto(t, sourcesFor(t, [registry.url]), blob);
  t.match('error' in result && result.error, {
    code: 'ERR_PODRUN_REGISTRY_PROTOCOL',
    message: /more than 5 redirects/,
  });
});

test('a manifest that is not what was asked for is refused', async (t) => {
  const { registry } = await hostile(t);
  const digest = registry.tag('1', { schemaVersion: 2 });
  const [source] = sourcesFor(t, [registry.url]);
  if (!source) throw new Error('no source');
  t.equal((await source.fetchManifest({ tag: '1' }, never)).digest, digest);
  t.equal(
    registry.requests.at(-1)?.url,
    '/v2/library/x/manifests/1?ns=docker.io',
    'a mirror is told for whom it stands in',
  );

  const other = Buffer.from('{"schemaVersion":2,"evil":true}');
  registry.faults = [sendInstead('/manifests/', other)];
  await t.rejects(source.fetchManifest({ digest }, never), { code: 'ERR_PODRUN_BLOB_DIGEST' }, 'by digest');
  registry.faults = [sendInstead('/manifests/', other, { 'docker-content-digest': digest })];
  await t.rejects(
    source.fetchManifest({ tag: '1' }, never),
    { code: 'ERR_PODRUN_BLOB_DIGEST' },
    'against its own header',
  );
  await t.rejects(source.resolve({ digest: `sha256:${'1'.repeat(64)}` }, never), { code: 'ERR_PODRUN_BLOB_DIGEST' });

  registry.faults = [sendInstead('/manifests/', Buffer.alloc(5 * 1024 * 1024))];
  await t.rejects(source.fetchManifest({ tag: '1' }, never), {
    code: 'ERR_PODRUN_REGISTRY_PROTOCOL',
    message: /longer than/,
  });
  registry.faults = [sendInstead('/manifests/', other, { 'docker-content-digest': 'sha256:../../x' })];
  await t.rejects(source.fetchManifest({ tag: '1' }, never), { code: 'ERR_PODRUN_BLOB_DIGEST' });
});

test("a registry's words can't play with the terminal", async (t) => {
  const message = 'gone\u001b[2J\nline';
  const { registry } = await hostile(t, (_, response) => {
    response.writeHead(403, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ errors: [{ message }] }));
    return true;
  });
  const [source] = sourcesFor(t, [registry.url]);
  await t.rejects(Promise.resolve(source?.fetchManifest({ tag: '1' }, never)), {
    code: 'ERR_PODRUN_REGISTRY_REFUSED',
    message: 'access denied (gone [2J line)',
  });
});
