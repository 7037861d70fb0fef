import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { parseReference } from '../../src/images/format/reference.js';
import { endpointsFor, type MirrorTable } from '../../src/images/sources/mirrors.js';
import {
  type ConfRegistry,
  parseRegistriesConf,
  readRegistriesConf,
} from '../../src/images/sources/registries-conf.js';

/** Each endpoint in one line: schemes, host, repository, namespace. */
function places(name: string, table: MirrorTable, conf: readonly ConfRegistry[] = []): string[] {
  return endpointsFor(parseReference(name), table, conf).map(({ schemes, host, repository, namespace, insecure }) =>
    [schemes.join('+'), host, repository, namespace && `ns=${namespace}`, insecure && 'insecure']
      .filter(Boolean)
      .join(' '),
  );
}

test('a registry without mirrors is asked itself', async (t) => {
  t.same(places('busybox', {}), ['https registry-1.docker.io library/busybox']);
  t.same(places('quay.io/a/b', {}), ['https quay.io a/b']);
  t.same(places('127.0.0.1:5000/a', {}), ['https+http 127.0.0.1:5000 a'], 'loopback may speak plain http');
  t.same(places('[::1]:5000/a', {}), ['https+http [::1]:5000 a']);
  t.same(places('localhost:5000/a', {}), ['https+http localhost:5000 a']);
  t.same(places('127.0.0.1.example.com/a', {}), ['https 127.0.0.1.example.com a']);
});

test("the caller's mirrors come first, in order", async (t) => {
  const table = { 'docker.io': ['http://127.0.0.1:5000/docker.io', 'https://mirror.example', 'localhost:1'] };
  t.same(places('busybox', table), [
    'http 127.0.0.1:5000 docker.io/library/busybox ns=docker.io',
    'https mirror.example library/busybox ns=docker.io',
    'https+http localhost:1 library/busybox ns=docker.io',
    'https registry-1.docker.io library/busybox',
  ]);
  t.same(places('quay.io/x', table), ['https quay.io x'], 'other registries are not concerned');
});

test('a mirror that is not safe or not a place is refused', async (t) => {
  const cases: readonly [string, RegExp][] = [
    ['http://mirror.example', /plain http, which is for loopback only/],
    ['ftp://127.0.0.1', /is not \[http/],
    ['http://user:pw@127.0.0.1', /is not \[http/],
    ['', /is not/],
    ['http://127.0.0.1:x', /is not/],
  ];
  for (const [mirror, message] of cases) {
    t.throws(
      () => places('busybox', { 'docker.io': [mirror] }),
      { code: 'ERR_PODRUN_REGISTRIES_CONF', message },
      mirror,
    );
  }
});

const conf = `
unqualified-search-registries = ["quay.io"]
[[registry]]
prefix = "docker.io"
location = "hub.example/proxy"
[[registry.mirror]]
location = "one.example"
[[registry.mirror]]
location = "two.example:8080/hub"
insecure = true
pull-from-mirror = "digest-only"

[[registry]]
prefix = "docker.io/library"
insecure = true
location = "official.example"

[[registry]]
location = "evil.example"
blocked = true
[[registry.mirror]]
location = "less-evil.example"

[[registry]]
prefix = "*.internal"
[[registry.mirror]]
location = "cache.example/internal"
`;

test('registries.conf maps by the longest prefix', async (t) => {
  const registries = await parseRegistriesConf('x.conf', conf);
  t.same(places('me/app:1', {}, registries), [
    'https one.example me/app ns=docker.io',
    'https hub.example proxy/me/app',
  ]);
  t.same(places(`me/app@sha256:${'a'.repeat(64)}`, {}, registries), [
    'https one.example me/app ns=docker.io',
    'https+http two.example:8080 hub/me/app ns=docker.io insecure',
    'https hub.example proxy/me/app',
  ]);
  t.same(places('busybox', {}, registries), ['https+http official.example busybox insecure']);
  t.same(
    places('docker.io/libraryx/y', {}, registries).at(-1),
    'https hub.example proxy/libraryx/y',
    'a prefix ends at a component',
  );
  t.same(places('a.internal/x', {}, registries), [
    'https cache.example internal/x ns=a.internal',
    'https a.internal x',
  ]);
  t.same(places('internal.example/x', {}, registries), ['https internal.example x']);
});

test('a blocked registry is not asked, nor the mirrors of the file', async (t) => {
  const registries = await parseRegistriesConf('x.conf', conf);
  t.throws(() => places('evil.example/x', {}, registries), {
    code: 'ERR_PODRUN_REGISTRY_REFUSED',
    message: /evil.example is blocked by x.conf/,
  });
  const table = { 'evil.example': ['http://127.0.0.1:1'] };
  t.same(
    places('evil.example/x', table, registries),
    ['http 127.0.0.1:1 x ns=evil.example'],
    'a mirror that the caller names is',
  );
});

test('a faulty registries.conf is refused with its file', async (t) => {
  const cases: readonly [string, RegExp][] = [
    ['[[registry]', /^x.conf: /],
    ['[registries.search]\nregistries = []', /version 1/],
    ['[[registry]]\nblocked = true', /registry\[0\] needs prefix or location/],
    ['[[registry]]\nlocation = 1', /registry\[0\]\.location must be a string/],
    ['[[registry]]\nlocation = "https://x.example"', /without a scheme/],
    ['[[registry]]\nlocation = "x.example"\ninsecure = "yes"', /insecure must be true or false/],
    ['[[registry]]\nlocation = "x.example"\n[[registry.mirror]]\ninsecure = true', /mirror\[0\]\.location is missing/],
    ['registry = 1', /registry must be an array of tables/],
  ];
  for (const [source, message] of cases) {
    await t.rejects(parseRegistriesConf('x.conf', source), { code: 'ERR_PODRUN_REGISTRIES_CONF', message }, source);
  }
  await t.rejects(readRegistriesConf('/nonexistent/x.conf'), { code: 'ERR_PODRUN_REGISTRIES_CONF', message: /ENOENT/ });
});

test('a file without registries needs no parser', async (t) => {
  const file = join(t.testdir({}), 'registries.conf');
  writeFileSync(file, 'unqualified-search-registries = ["docker.io"]\nthis = is not even TOML\n');
  t.same(await readRegistriesConf(file), []);
});
