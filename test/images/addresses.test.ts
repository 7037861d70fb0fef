import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { type Test, test } from 'tap';
import { systemClock } from '../../src/clock.js';
import { isLoopbackHost, isMachineLocal } from '../../src/images/sources/addresses.js';
import { HttpClient } from '../../src/images/sources/http.js';
import { makeCertificate } from '../helpers/certificate.js';
import { skipWithout } from '../helpers/command.js';

test('loopback is what can only be this machine', async (t) => {
  for (const host of ['127.0.0.1', '127.9.9.9', '[::1]', '::1', 'localhost', 'LOCALHOST', 'registry.localhost']) {
    t.ok(isLoopbackHost(host), host);
  }
  for (const host of [
    '128.0.0.1',
    '127.0.0.1.example.com',
    'localhost.example.com',
    '10.0.0.1',
    '[::2]',
    '0.0.0.0',
    '169.254.169.254',
  ]) {
    t.notOk(isLoopbackHost(host), host);
  }
  for (const host of ['169.254.169.254', '0.0.0.0', '[fe80::1]', '[::]', '[fd00:ec2::254]', '[::ffff:127.0.0.1]'])
    t.ok(isMachineLocal(host), host);
  for (const host of ['10.0.0.1', '192.168.1.1', 'example.com', '[2001:db8::1]']) t.notOk(isMachineLocal(host), host);
});

async function listen(t: Test, server: Server & { closeAllConnections?(): void }): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections?.();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function clientFor(t: Test): HttpClient {
  const client = new HttpClient(systemClock);
  t.teardown(() => client.close());
  return client;
}

const common = { method: 'GET', headers: {}, signal: new AbortController().signal, attempts: 1 } as const;

test('a registry out there can not point podrun at this machine, whatever name it uses', async (t) => {
  let requests = 0;
  const port = await listen(
    t,
    createServer((_, response) => response.end(String(++requests))),
  );
  const client = clientFor(t);
  const url = new URL(`http://localhost:${port}/`);
  const asked = client.request({ ...common, url, askedBy: new URL('https://registry.example'), insecure: false });
  await t.rejects(asked, {
    code: 'ERR_PODRUN_REGISTRY_UNAVAILABLE',
    message: /localhost resolves to .*, which only this machine can reach/,
  });
  t.equal(requests, 0, 'no connection was made');
  t.equal((await client.request({ ...common, url, insecure: false })).status, 200, 'the user may');
});

test('https never becomes http on the way', { skip: skipWithout('openssl') }, async (t) => {
  const certificate = await makeCertificate(t.testdir({}), 'server');
  const plain = await listen(
    t,
    createServer((_, response) => response.end('secret')),
  );
  const options = { cert: readFileSync(certificate.certFile), key: readFileSync(certificate.keyFile) };
  const port = await listen(
    t,
    createTlsServer(options, (_, response) =>
      response.writeHead(307, { location: `http://127.0.0.1:${plain}/` }).end(),
    ),
  );
  const asked = clientFor(t).request({ ...common, url: new URL(`https://127.0.0.1:${port}/`), insecure: true });
  await t.rejects(asked, { code: 'ERR_PODRUN_REGISTRY_REFUSED', message: /https must not become http/ });
});
