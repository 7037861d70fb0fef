import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Test, test } from 'tap';
import { systemClock } from '../../src/clock.js';
import { judgeRealm, ownsRealm } from '../../src/images/credentials/realm.js';
import { parseReference } from '../../src/images/format/reference.js';
import { Authenticator, type CredentialSource, type Credentials } from '../../src/images/sources/auth.js';
import { HttpClient, type HttpResponse, type Surroundings } from '../../src/images/sources/http.js';
import { endpointsFor } from '../../src/images/sources/mirrors.js';
import { RegistrySource } from '../../src/images/sources/registry.js';
import { makeCertificate } from '../helpers/certificate.js';
import { skipWithout } from '../helpers/command.js';
import { challenge, redirectTo, startHostileRegistry } from '../helpers/hostile-registry.js';

const signal = new AbortController().signal;
const alice: Credentials = { username: 'alice', password: 'secret', origin: '/x/auth.json' };
const basic = `Basic ${Buffer.from('alice:secret').toString('base64')}`;

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

/** A server that writes down what it is told. */
async function startServer(
  t: Test,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  tls?: { cert: Buffer; key: Buffer },
): Promise<{ port: number; seen: Seen[] }> {
  const seen: Seen[] = [];
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { method = '', url = '', headers } = request;
    seen.push({ method, path: url, authorization: headers.authorization, body });
    answer(request, response);
  };
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

function client(t: Test, surroundings: Surroundings = { env: {} }): HttpClient {
  const http = new HttpClient(systemClock, { connectMs: 2000, stallMs: 2000 }, surroundings);
  t.teardown(() => http.close());
  return http;
}

function sourceFor(t: Test, host: string, credentials: CredentialSource): RegistrySource {
  const http = client(t);
  const [endpoint] = endpointsFor(parseReference(`${host}/a/b:1`), {}, []);
  return new RegistrySource(endpoint!, { http, auth: new Authenticator(http, credentials), schemes: new Map() });
}

function withPlaces(found: Credentials | undefined, places: readonly string[]): CredentialSource {
  return Object.assign(async () => found, { places });
}

/** A 401 as a registry somewhere would send it. */
function unauthorized(origin: string, header: string): HttpResponse {
  return {
    status: 401,
    url: new URL(origin),
    header: () => header,
    body: (async function* () {})(),
    bytes: async () => new Uint8Array(),
    discard: async () => {},
  };
}

test('a token service must be the own or a known one to be given a login', async (t) => {
  const owns = (registry: string, realm: string) => ownsRealm(new URL(registry), new URL(realm));
  t.ok(owns('https://quay.io', 'https://quay.io/v2/auth'));
  t.ok(owns('https://registry-1.docker.io', 'https://auth.docker.io/token'));
  t.ok(owns('https://registry.gitlab.com', 'https://gitlab.com/jwt/auth'), 'above');
  t.ok(owns('https://example.com', 'https://auth.example.com/'), 'below');
  t.ok(owns('https://h.example.com', 'https://h.example.com:8443/'));
  for (const [registry, realm] of [
    ['https://a.co.uk', 'https://b.co.uk'],
    ['https://mine.azurecr.io', 'https://yours.azurecr.io'],
    ['https://example.com', 'https://evilexample.com'],
    ['https://registry.com', 'https://com'],
    ['https://quay.io', 'https://quay.io.evil.net'],
    ['https://registry-1.docker.io', 'https://evil.net'],
    ['https://evil.net', 'https://auth.docker.io'],
    ['https://quay.io', 'http://quay.io'],
    ['http://h.example.com', 'http://h.example.com'],
    ['https://10.0.0.1', 'https://1.10.0.0.1.nip.io'],
  ] as const)
    t.notOk(owns(registry, realm), `${registry} and ${realm}`);
});

test('a realm that is not safe is refused before anything is sent', async (t) => {
  const scope = { origin: 'https://quay.io', insecure: false };
  for (const realm of [
    'http://quay.io/token',
    'https://127.0.0.1/token',
    'https://[::1]/',
    'https://169.254.169.254/latest',
    'https://user@quay.io/',
    'file:///etc/passwd',
    '/token',
    undefined,
  ])
    t.throws(() => judgeRealm(scope, realm), { code: 'ERR_PODRUN_REGISTRY_REFUSED' }, String(realm));
});

test('no login goes over plain http, but to this machine', async (t) => {
  const auth = new Authenticator(client(t), withPlaces(alice, []));
  const scope = { origin: 'http://h.example.com', repository: 'a', insecure: true };
  await t.rejects(auth.answer(scope, unauthorized('http://h.example.com', 'Basic realm="x"'), signal), {
    code: 'ERR_PODRUN_REGISTRY_AUTH',
    message: /plain http/,
    hint: /https only/,
  });
  t.equal(auth.known(scope), undefined, 'nor later');
  const local = { origin: 'http://127.0.0.1:5000', repository: 'a', insecure: false };
  t.equal(await auth.answer(local, unauthorized('http://127.0.0.1:5000', 'Basic realm="x"'), signal), basic);
});

test('the advice for Docker Hub is in the name that people know', async (t) => {
  const auth = new Authenticator(client(t), withPlaces(undefined, ['/x']));
  const scope = { origin: 'https://registry-1.docker.io', repository: 'a', insecure: false };
  await t.rejects(auth.answer(scope, unauthorized(scope.origin, 'Basic realm="x"'), signal), {
    code: 'ERR_PODRUN_REGISTRY_AUTH',
    hint: /podrun login docker\.io \(no login for docker\.io in \/x\)/,
  });
});

test('an answer for one scheme, port or repository is none for another', async (t) => {
  const auth = new Authenticator(client(t), withPlaces(alice, []));
  const scope = { origin: 'https://h.example.com', repository: 'a', insecure: true };
  await auth.answer(scope, unauthorized('https://h.example.com', 'Basic realm="x"'), signal);
  t.equal(auth.known(scope), basic);
  t.equal(auth.known({ ...scope, origin: 'http://h.example.com' }), undefined, 'downgrade');
  t.equal(auth.known({ ...scope, origin: 'https://h.example.com:8443' }), undefined);
  t.equal(auth.known({ ...scope, repository: 'b' }), undefined);
});

test('a registry that drops from TLS to plain http is not followed with a login', {
  skip: skipWithout('openssl'),
}, async (t) => {
  const directory = t.testdir({});
  const { certFile, keyFile } = await makeCertificate(directory, 'server');
  const plain = await startServer(t, (_, response) => response.end());
  const secure = await startServer(
    t,
    (_, response) => response.writeHead(307, { location: `http://127.0.0.1:${plain.port}/v2/` }).end(),
    { cert: readFileSync(certFile), key: readFileSync(keyFile) },
  );
  const http = client(t, { env: {}, certificates: async () => ({ ca: [readFileSync(certFile, 'utf8')] }) });
  const request = { url: new URL(`https://127.0.0.1:${secure.port}/v2/`), signal, insecure: false };
  await t.rejects(http.request({ ...request, method: 'GET', headers: { authorization: basic } }), {
    code: 'ERR_PODRUN_REGISTRY_REFUSED',
    message: /https must not become http/,
  });
  t.same(plain.seen, []);
});

test('a refresh token goes to the token service in a form, and nowhere else', async (t) => {
  const tokens = await startServer(t, (_, response) => response.end('{"access_token":"access","expires_in":300}'));
  const registry = await startHostileRegistry();
  t.teardown(() => registry.stop());
  registry.tag('1', { schemaVersion: 2 });
  const realm = `http://127.0.0.1:${tokens.port}/token?account=x`;
  registry.faults = [
    challenge(`Bearer realm="${realm}",service="s"`, (authorization) => authorization === 'Bearer access'),
  ];
  const login: Credentials = { username: '<token>', password: '', identityToken: 'refresh&me', origin: 'x' };
  t.match(await sourceFor(t, registry.host, async () => login).resolve({ tag: '1' }, signal), /^sha256:/);
  t.match(tokens.seen, [{ method: 'POST', path: '/token?account=x', authorization: undefined }]);
  t.same(Object.fromEntries(new URLSearchParams(tokens.seen[0]?.body)), {
    grant_type: 'refresh_token',
    refresh_token: 'refresh&me',
    client_id: 'podrun',
    service: 's',
    scope: 'repository:a/b:pull',
  });
  t.ok(registry.requests.every(({ headers }) => !String(headers['authorization']).includes('refresh')));

  registry.faults = [challenge('Basic realm="x"')];
  await t.rejects(sourceFor(t, registry.host, async () => login).resolve({ tag: '1' }, signal), {
    code: 'ERR_PODRUN_REGISTRY_AUTH',
    message: /has a token for a token service/,
  });
  t.ok(
    registry.requests.every(
      ({ headers }) => headers['authorization'] === undefined || headers['authorization'] === 'Bearer access',
    ),
  );
});

test('a token service that sends a login on is not followed', async (t) => {
  const trap = await startServer(t, (_, response) => response.end('{"token":"x"}'));
  const tokens = await startServer(t, (_, response) =>
    response.writeHead(307, { location: `http://localhost:${trap.port}/token` }).end(),
  );
  const registry = await startHostileRegistry();
  t.teardown(() => registry.stop());
  registry.faults = [challenge(`Bearer realm="http://127.0.0.1:${tokens.port}/token"`)];
  const refresh: Credentials = { username: '', password: '', identityToken: 'refresh' };
  await t.rejects(sourceFor(t, registry.host, async () => refresh).resolve({ tag: '1' }, signal), {
    code: 'ERR_PODRUN_REGISTRY_REFUSED',
    message: /a login must not travel on/,
  });
  t.same(trap.seen, [], 'a refresh token is in the body, which would go along');
  await t.rejects(sourceFor(t, registry.host, async () => alice).resolve({ tag: '1' }, signal));
  t.same(trap.seen[0]?.authorization, undefined, 'a password is in a header, which does not');
});

test('a realm on another host gets no login, and the error says that it was kept back', async (t) => {
  const trap = await startServer(t, (_, response) => response.end('{"token":"x"}'));
  const registry = await startHostileRegistry();
  t.teardown(() => registry.stop());
  registry.faults = [challenge(`Bearer realm="http://localhost:${trap.port}/token"`, () => false)];
  for (const login of [alice, { username: '', password: '', identityToken: 'refresh' }]) {
    await t.rejects(sourceFor(t, registry.host, async () => login).resolve({ tag: '1' }, signal), {
      code: 'ERR_PODRUN_REGISTRY_AUTH',
      hint: `the login was not sent to the token service http://localhost:${trap.port}, which is another host`,
    });
  }
  t.match(trap.seen, [{ method: 'GET' }, { method: 'GET' }]);
  t.ok(trap.seen.every(({ authorization, body }) => authorization === undefined && body === ''));
});

test('the host that a redirect leads to gets neither login nor its own challenge answered', async (t) => {
  const trap = await startServer(t, (_, response) =>
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
  );
  const registry = await startHostileRegistry();
  t.teardown(() => registry.stop());
  registry.faults = [challenge('Basic realm="x"'), redirectTo('/manifests/', `http://localhost:${trap.port}/trap`)];
  const asked: string[] = [];
  const credentials: CredentialSource = async (host) => {
    asked.push(host);
    return alice;
  };
  await t.rejects(sourceFor(t, registry.host, credentials).resolve({ tag: '1' }, signal), {
    code: 'ERR_PODRUN_REGISTRY_AUTH',
  });
  t.same(asked, [registry.host], 'no login was looked up for the other host');
  registry.faults = [redirectTo('/manifests/', `http://localhost:${trap.port}/trap`)];
  await t.rejects(sourceFor(t, registry.host, credentials).resolve({ tag: '1' }, signal), {
    code: 'ERR_PODRUN_REGISTRY_AUTH',
  });
  t.same(asked, [registry.host], 'nor when its challenge is the first');
  t.ok(
    registry.requests.some(({ headers }) => headers['authorization'] === basic),
    'the registry itself was told',
  );
  t.same(
    trap.seen.map(({ authorization }) => authorization),
    [undefined, undefined],
  );
});

test('a mirror is asked with its own login only', async (t) => {
  const asked: string[] = [];
  const credentials: CredentialSource = async (host, repository) => {
    asked.push(`${host}/${repository}`);
    return host === 'registry.example.com' ? alice : undefined;
  };
  const mirror = await startHostileRegistry();
  t.teardown(() => mirror.stop());
  mirror.faults = [challenge('Basic realm="x"')];
  const http = client(t);
  const table = { 'registry.example.com': [`${mirror.url}/cache`] };
  const [endpoint] = endpointsFor(parseReference('registry.example.com/a/b:1'), table, []);
  const source = new RegistrySource(endpoint!, {
    http,
    auth: new Authenticator(http, credentials),
    schemes: new Map(),
  });
  await t.rejects(source.resolve({ tag: '1' }, signal), { code: 'ERR_PODRUN_REGISTRY_AUTH' });
  t.same(asked, [`${mirror.host}/cache/a/b`]);
  t.ok(mirror.requests.every(({ headers }) => headers['authorization'] === undefined));
});

test('a refusal names the files that were looked at, or the one whose login did not do', async (t) => {
  const registry = await startHostileRegistry();
  t.teardown(() => registry.stop());
  registry.faults = [challenge('Basic realm="x"', () => false)];
  const none = sourceFor(t, registry.host, withPlaces(undefined, ['/a/auth.json', '/b/config.json']));
  await t.rejects(none.resolve({ tag: '1' }, signal), {
    code: 'ERR_PODRUN_REGISTRY_AUTH',
    hint: `the image may not exist, or it needs a login: podrun login ${registry.host} (no login for ${registry.host} in /a/auth.json, /b/config.json)`,
  });
  const wrong = await sourceFor(t, registry.host, withPlaces(alice, ['/x/auth.json']))
    .resolve({ tag: '1' }, signal)
    .catch((error) => error);
  t.match(wrong, {
    code: 'ERR_PODRUN_REGISTRY_AUTH',
    hint: `the login for ${registry.host} in /x/auth.json may be wrong or may not do`,
  });
  t.notMatch(JSON.stringify([wrong, wrong.message, wrong.stack]), /secret/);
});
