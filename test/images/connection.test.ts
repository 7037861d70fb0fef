import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { systemClock } from '../../src/clock.js';
import { proxyFor } from '../../src/images/connection/proxy.js';
import { HttpClient, type Surroundings } from '../../src/images/sources/http.js';
import { readCertificates } from '../../src/images/trust/certs-d.js';
import { makeCertificate } from '../helpers/certificate.js';
import { skipWithout } from '../helpers/command.js';

const signal = new AbortController().signal;

test('which way is by a proxy', async (t) => {
  const by = (url: string, env: Record<string, string>) => proxyFor(new URL(url), env)?.httpsProxy;
  const both = { HTTP_PROXY: 'http://p:1', HTTPS_PROXY: 'http://p:2' };
  t.equal(by('http://h/', both), 'http://p:1');
  t.equal(by('https://h/', both), 'http://p:2');
  t.equal(by('https://h/', { HTTP_PROXY: 'http://p:1' }), undefined, 'https by HTTPS_PROXY alone');
  t.equal(by('https://h/', { ...both, https_proxy: 'http://p:3' }), 'http://p:3', 'lower case first');
  t.equal(by('https://h/', { HTTPS_PROXY: 'p:2' }), 'http://p:2');
  t.equal(by('https://h/', {}), undefined);
  for (const url of [
    'http://localhost/',
    'https://127.0.0.1:5000/',
    'https://127.9.9.9/',
    'http://[::1]:5000/',
    'http://a.localhost/',
  ])
    t.equal(by(url, both), undefined, url);
  for (const [host, exceptions, direct] of [
    ['10.1.2.3', '10.0.0.0/8', true],
    ['11.1.2.3', '10.0.0.0/8', false],
    ['10.1.2.3', 'x, 10.1.2.3', true],
    ['[fd00::1]', 'fd00::/8', true],
    ['10.1.2.3', '10.0.0.0/99', false],
    ['h', '*', true],
  ] as const)
    t.equal(
      by(`https://${host}/`, { ...both, NO_PROXY: exceptions }) === undefined,
      direct,
      `${host} and ${exceptions}`,
    );
  t.throws(() => by('https://h/', { HTTPS_PROXY: 'http://user:hunter2@:x' }), {
    message: 'HTTPS_PROXY is not the URL of an http or https proxy',
  });
  t.throws(() => by('https://h/', { HTTPS_PROXY: 'ftp://h' }), { message: /HTTPS_PROXY is not the URL/ });
});

async function listen(t: Test, server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A proxy that takes every name for this machine, and the requests it saw. */
async function startProxy(t: Test, target: string): Promise<{ host: string; seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    response.end('forwarded');
  });
  server.on('connect', (request, socket) => {
    seen.push(`CONNECT ${request.url} ${request.headers['proxy-authorization']}`);
    if (request.url?.startsWith('refused')) return socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    const to = connect(Number(target.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      to.pipe(socket).pipe(to);
    });
    for (const end of [to, socket]) end.on('error', () => undefined);
  });
  return { host: await listen(t, server), seen };
}

function clientIn(t: Test, surroundings: Surroundings): (url: string) => Promise<string> {
  const http = new HttpClient(systemClock, { connectMs: 3000, stallMs: 3000 }, surroundings);
  t.teardown(() => http.close());
  return async (url) => {
    const response = await http.request({
      method: 'GET',
      url: new URL(url),
      headers: {},
      signal,
      insecure: false,
      attempts: 1,
    });
    return `${response.status} ${Buffer.from(await response.bytes(1000))}`;
  };
}

test('requests by a proxy', { skip: skipWithout('openssl') }, async (t) => {
  const directory = t.testdir({});
  const { certFile, keyFile } = await makeCertificate(directory, 'server');
  const secure = await listen(
    t,
    createTlsServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (_, response) =>
      response.end('secure'),
    ) as unknown as Server,
  );
  const proxy = await startProxy(t, secure);
  const env = { HTTPS_PROXY: `http://user:hunter2@${proxy.host}`, HTTP_PROXY: proxy.host, NO_PROXY: 'not.test' };
  const folder = join(directory, 'certs.d');
  mkdirSync(join(folder, 'registry.test'), { recursive: true });
  cpSync(certFile, join(folder, 'registry.test', 'ca.crt'));
  const get = clientIn(t, { env, certificates: (host) => readCertificates(host, [folder]) });

  await t.test('http is forwarded, https is tunnelled', async (t) => {
    t.equal(await get('http://registry.test/x'), '200 forwarded');
    t.equal(proxy.seen.at(-1), 'GET http://registry.test/x undefined');
    // The certificate is for localhost: the tunnel leads to it, and its name is still held against the URL's.
    await t.rejects(get('https://registry.test/x'), { code: 'ERR_PODRUN_REGISTRY_UNAVAILABLE', message: /altnames/i });
    t.equal(proxy.seen.at(-1), `CONNECT registry.test:443 Basic ${Buffer.from('user:hunter2').toString('base64')}`);
  });

  await t.test('a proxy that refuses is named, without its password', async (t) => {
    const error = await get('https://refused.test/x').catch((error: Error) => error);
    t.match(error, { code: 'ERR_PODRUN_REGISTRY_UNAVAILABLE', message: new RegExp(`by proxy ${proxy.host}: .*403`) });
    t.notMatch((error as Error).message, 'hunter2');
  });

  await t.test('loopback and exceptions go directly', async (t) => {
    const before = proxy.seen.length;
    const own = await listen(
      t,
      createServer((_, response) => response.end('own')),
    );
    t.equal(await get(`http://${own}/`), '200 own');
    t.equal(await get(`http://localhost:${own.split(':')[1]}/`), '200 own');
    await t.rejects(get('http://not.test/'), { message: /not\.test/ });
    t.equal(proxy.seen.length, before);
  });
});

test('certificates of a host', { skip: skipWithout('openssl') }, async (t) => {
  const directory = t.testdir({});
  const [server, client] = await Promise.all([
    makeCertificate(directory, 'server'),
    makeCertificate(directory, 'client'),
  ]);
  const presented: (string | undefined)[] = [];
  const options = {
    cert: readFileSync(server.certFile),
    key: readFileSync(server.keyFile),
    ca: readFileSync(client.certFile),
  };
  const host = await listen(
    t,
    createTlsServer({ ...options, requestCert: true, rejectUnauthorized: false }, (request, response) => {
      const { authorized } = request.socket as unknown as { authorized: boolean };
      presented.push(authorized ? 'client' : undefined);
      response.end('hello');
    }) as unknown as Server,
  );
  const folders = [join(directory, 'user'), join(directory, 'system')];
  const put = (folder: string, name: string, file: string) => {
    mkdirSync(join(folder, host), { recursive: true });
    cpSync(file, join(folder, host, name));
  };
  const get = () =>
    clientIn(t, { env: {}, certificates: (name) => readCertificates(name, folders) })(`https://${host}/`);
  const [user = '', system = ''] = folders;

  await t.test('none: the server is not trusted', async (t) => {
    await t.rejects(get(), { code: 'ERR_PODRUN_REGISTRY_UNAVAILABLE', message: /certificate/ });
  });
  await t.test('an authority makes it trusted', async (t) => {
    put(system, 'ca.crt', server.certFile);
    t.equal(await get(), '200 hello');
    t.equal(presented.at(-1), undefined);
  });
  await t.test('a client certificate is shown', async (t) => {
    put(system, 'me.cert', client.certFile);
    await t.rejects(get(), { code: 'ERR_PODRUN_CERTIFICATES', message: /me\.key is missing beside it/ });
    put(system, 'me.key', client.keyFile);
    t.equal(await get(), '200 hello');
    t.equal(presented.at(-1), 'client');
  });
  await t.test('the first directory for the host is the only one', async (t) => {
    mkdirSync(join(user, host), { recursive: true });
    await t.rejects(get(), { message: /certificate/ });
    rmSync(user, { recursive: true });
  });
  await t.test('what cannot be used is named', async (t) => {
    rmSync(join(system, host, 'me.cert'));
    await t.rejects(get(), {
      code: 'ERR_PODRUN_CERTIFICATES',
      message: /me\.cert is missing beside it/,
      hint: /\.crt/,
    });
    rmSync(join(system, host, 'me.key'));
    put(system, 'me.cert', client.certFile);
    put(system, 'me.key', server.keyFile);
    await t.rejects(
      get(),
      { code: 'ERR_PODRUN_CERTIFICATES', message: /unusable certificate or key/ },
      'of another pair',
    );
    writeFileSync(join(system, host, 'me.cert'), 'x');
    await t.rejects(get(), { code: 'ERR_PODRUN_CERTIFICATES' });
  });
  await t.test("another port is another host, Docker Hub's directory is docker.io", async (t) => {
    t.equal(await readCertificates('127.0.0.1:1', folders), undefined);
    mkdirSync(join(system, 'docker.io'));
    cpSync(server.certFile, join(system, 'docker.io', 'a.crt'));
    t.ok((await readCertificates('registry-1.docker.io', folders))?.ca?.length);
  });
});
