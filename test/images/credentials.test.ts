import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import type { PodrunError } from '../../src/errors.js';
import { keysFor, normalKey, parseAuthFile } from '../../src/images/credentials/auth-file.js';
import { checkAuthFile, credentialsFrom, credentialsIn, firstSource } from '../../src/images/credentials/lookup.js';
import { authPlaces } from '../../src/images/credentials/places.js';
import { removeAllLogins, removeLogin, saveLogin } from '../../src/images/credentials/save.js';

const encode = (username: string, password: string) => Buffer.from(`${username}:${password}`).toString('base64');
const auth = (username: string) => ({ auth: encode(username, `password of ${username}`) });

/** Who is found for a repository. */
async function user(file: object, host: string, repository: string): Promise<string | undefined> {
  return (await credentialsIn([parseAuthFile('x', JSON.stringify(file))])(host, repository))?.username;
}

test('the most specific key wins', async (t) => {
  t.same(keysFor('h:5000', 'a/b/c'), ['h:5000/a/b/c', 'h:5000/a/b', 'h:5000/a', 'h:5000']);
  t.same(keysFor('h', ''), ['h']);
  const file = {
    auths: { h: auth('host'), 'h/a': auth('namespace'), 'h/a/b': auth('repository'), 'h:1': auth('port') },
  };
  t.equal(await user(file, 'h', 'a/b'), 'repository');
  t.equal(await user(file, 'h', 'a/c'), 'namespace');
  t.equal(await user(file, 'h', 'ab/c'), 'host', 'a key ends at a component');
  t.equal(await user(file, 'h:1', 'a/b'), 'port', 'a port is part of the host');
  t.equal(await user(file, 'h:2', 'a/b'), undefined);
  t.equal(await user(file, 'x.h', 'a/b'), undefined);
});

test("Docker Hub's names are one", async (t) => {
  for (const key of ['https://index.docker.io/v1/', 'index.docker.io', 'docker.io', 'registry-1.docker.io'])
    t.equal(await user({ auths: { [key]: auth('hub') } }, 'registry-1.docker.io', 'library/x'), 'hub', key);
  t.equal(await user({ auths: { 'docker.io/me': auth('me') } }, 'registry-1.docker.io', 'me/x'), 'me');
  t.equal(normalKey('https://Registry.Example.com:443/v2/'), 'registry.example.com:443');
  t.equal(normalKey('h/ns/'), 'h/ns');
});

test('passwords may have colons, tokens stand in for passwords, helpers leave empty entries', async (t) => {
  const file = parseAuthFile(
    'x',
    JSON.stringify({
      auths: {
        a: { auth: encode('u', 'p:q') },
        b: { auth: encode('u', ''), identitytoken: 'refresh' },
        c: {},
        d: { username: 'u', password: 'p' },
      },
    }),
  );
  const source = credentialsIn([file]);
  t.same(await source('a', ''), { username: 'u', password: 'p:q', origin: 'x' });
  t.match(await source('b', ''), { identityToken: 'refresh' });
  t.equal(await source('c', ''), undefined);
  t.match(await source('d', ''), { username: 'u', password: 'p' });
});

test('a malformed file is an error that shows nothing of it', async (t) => {
  const secret = 'hunter2';
  for (const source of [
    `{"auths":{"h":{"auth":"${secret}`,
    '[]',
    '{"auths":[]}',
    '{"auths":{"h":"x"}}',
    `{"auths":{"h":{"auth":"${secret}"}}}`,
    '{"auths":{"h":{"auth":5}}}',
    '{"credHelpers":{"h":5}}',
    '{"credsStore":{}}',
  ]) {
    const error = (() => {
      try {
        parseAuthFile('/x/auth.json', source);
      } catch (error) {
        return error as PodrunError;
      }
    })();
    t.match(error, { code: 'ERR_PODRUN_AUTH_FILE', message: /^\/x\/auth\.json: /, path: '/x/auth.json' }, source);
    t.notMatch(`${error?.message}${error?.cause}`, secret);
  }
  t.equal(parseAuthFile('x', '').logins.size, 0, 'an empty file is one without logins');
});

test('files are looked at in order, a named one alone', async (t) => {
  const home = t.testdir({
    run: { containers: { 'auth.json': JSON.stringify({ auths: { a: auth('runtime') } }) } },
    '.config': { containers: { 'auth.json': JSON.stringify({ auths: { a: auth('config'), b: auth('config') } }) } },
    '.docker': { 'config.json': JSON.stringify({ auths: { b: auth('docker'), c: auth('docker') } }) },
    '.dockercfg': JSON.stringify({ c: auth('old'), d: auth('old') }),
    other: JSON.stringify({ auths: { a: auth('other') } }),
  });
  const env = { HOME: home, XDG_RUNTIME_DIR: join(home, 'run') };
  const who = async (host: string, authFile?: string, more = {}) =>
    (await credentialsFrom({ authFile, env: { ...env, ...more } })(host, 'x'))?.username;
  t.same(await Promise.all(['a', 'b', 'c', 'd', 'e'].map((host) => who(host))), [
    'runtime',
    'config',
    'docker',
    'old',
    undefined,
  ]);
  t.equal(await who('a', join(home, 'other')), 'other');
  t.equal(await who('b', join(home, 'other')), undefined, 'no other file is looked at then');
  t.equal(await who('a', undefined, { REGISTRY_AUTH_FILE: join(home, 'other') }), 'other');
  t.equal(await who('c', undefined, { DOCKER_CONFIG: join(home, 'nowhere') }), 'old');
  t.equal(authPlaces(undefined, { HOME: '/h' })[0]?.path, `/run/containers/${process.geteuid?.()}/auth.json`);
  await t.rejects(who('a', join(home, 'missing')), { code: 'ERR_PODRUN_AUTH_FILE', message: /no such file/ });
  t.throws(() => checkAuthFile(join(home, 'missing')), { code: 'ERR_PODRUN_AUTH_FILE' });
  t.doesNotThrow(() => checkAuthFile(undefined, env));
  const { places } = credentialsFrom({ env });
  t.equal(places?.length, 4);
});

test('several sources are asked in turn', async (t) => {
  const [one, two] = [{ auths: { a: auth('one') } }, { auths: { a: auth('two'), b: auth('two') } }].map((file, i) =>
    credentialsIn([parseAuthFile(`file ${i}`, JSON.stringify(file))]),
  );
  const source = firstSource([one!, two!]);
  t.equal((await source('a', ''))?.username, 'one');
  t.equal((await source('b', ''))?.username, 'two');
  t.same(source.places, ['file 0', 'file 1']);
});

/** A docker-credential-NAME on the search path that writes down how it was called. */
function makeHelper(t: Test, name: string, script: string): string {
  const bin = mkdtempSync(join(tmpdir(), 'podrun-helper-'));
  t.teardown(() => rmSync(bin, { recursive: true }));
  const path = join(bin, `docker-credential-${name}`);
  writeFileSync(path, `#!/bin/sh\necho "$@" >>${bin}/arguments\ncat >>${bin}/input\n${script}\n`);
  chmodSync(path, 0o755);
  const before = process.env['PATH'];
  process.env['PATH'] = `${bin}:${before}`;
  t.teardown(() => {
    process.env['PATH'] = before;
  });
  return bin;
}

test('a credential helper is asked by its protocol', async (t) => {
  const bin = makeHelper(t, 'good', `echo '{"ServerURL":"h","Username":"helped","Secret":"s"}'`);
  t.equal(await user({ credHelpers: { h: 'good' }, auths: { h: auth('file') } }, 'h', 'x'), 'helped');
  t.equal(readFileSync(join(bin, 'arguments'), 'utf8'), 'get\n');
  t.equal(readFileSync(join(bin, 'input'), 'utf8'), 'h\n');
  t.equal(await user({ credsStore: 'good' }, 'registry-1.docker.io', 'x'), 'helped');
  t.equal(readFileSync(join(bin, 'input'), 'utf8'), 'h\nhttps://index.docker.io/v1/\n', "Docker's name for the Hub");
  t.equal(await user({ credsStore: 'good', auths: { h: auth('file') } }, 'h', 'x'), 'file');
});

test('a helper may know nothing, or a refresh token', async (t) => {
  makeHelper(t, 'none', 'echo credentials not found in native keychain; exit 1');
  t.equal(await user({ credHelpers: { h: 'none' }, auths: { h: auth('file') } }, 'h', 'x'), 'file');
  t.equal(await user({ credsStore: 'none' }, 'h', 'x'), undefined);
  makeHelper(t, 'token', `echo '{"Username":"<token>","Secret":"refresh"}'`);
  const found = await credentialsIn([parseAuthFile('x', '{"credsStore":"token"}')])('h', 'x');
  t.match(found, { identityToken: 'refresh', password: '', origin: 'docker-credential-token' });
});

test('a helper that fails is an error, without what it printed', async (t) => {
  const failure = async (name: string, script?: string, limitMs?: number) => {
    if (script !== undefined) makeHelper(t, name, script);
    const file = parseAuthFile('x', JSON.stringify({ credsStore: name }));
    return credentialsIn([file], limitMs)('h', 'x').catch((error: PodrunError) => error);
  };
  const code = 'ERR_PODRUN_CREDENTIAL_HELPER';
  t.match(await failure('absent'), { code, message: /^docker-credential-absent: no such program/ });
  const broken = await failure('broken', 'echo hunter2; echo hunter2 >&2; exit 1');
  t.match(broken, { code, message: /failed to get the login of h/ });
  t.notMatch(`${(broken as PodrunError).message}${(broken as PodrunError).cause}`, 'hunter2');
  const babbling = await failure('babbling', 'echo hunter2');
  t.match(babbling, { code, message: /did not answer with JSON/ });
  t.notMatch(`${(babbling as PodrunError).message}${(babbling as PodrunError).cause}`, 'hunter2');
  t.match(await failure('partial', `echo '{"Username":"u"}'`), { code, message: /without Username or Secret/ });
  t.match(await failure('endless', 'yes'), { code, message: /more than/ }, 'its output is limited');
  const started = performance.now();
  t.match(await failure('slow', 'sleep 60', 200), { code, message: /within 0.2 s/ });
  t.ok(performance.now() - started < 5000, 'even with a child that holds its output open');
});

test('the name of a helper is no path and no command line', async (t) => {
  const bin = makeHelper(t, 'x', 'true');
  for (const name of [`../..${bin}/docker-credential-x`, 'x; touch /tmp/owned', '-x', '', ' ', 'x y']) {
    const source = credentialsIn([{ name: 'f', logins: new Map(), helpers: new Map(), store: name }]);
    await t.rejects(source('h', 'x'), { code: 'ERR_PODRUN_CREDENTIAL_HELPER', message: /not a name/ }, name);
  }
});

const login = { username: 'alice', password: 'p:ä' };

test('a login is kept without harm to the rest of the file', async (t) => {
  const file = join(t.testdir({}), 'deep', 'auth.json');
  t.equal(await saveLogin(file, 'h:5000', login), file);
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.equal(statSync(join(file, '..')).mode & 0o777, 0o700);
  t.match(await credentialsFrom({ authFile: file })('h:5000', 'a/b'), login);

  const before = {
    auths: { other: auth('o'), 'https://index.docker.io/v1/': auth('old') },
    detachKeys: 'ctrl-p',
    x: [1],
  };
  writeFileSync(file, JSON.stringify(before), { mode: 0o644 });
  await saveLogin(file, 'docker.io', login);
  const after = JSON.parse(readFileSync(file, 'utf8'));
  t.same(after, { ...before, auths: { other: auth('o'), 'docker.io': { auth: encode('alice', 'p:ä') } } });
  t.ok(await removeLogin(file, 'docker.io'));
  t.same(JSON.parse(readFileSync(file, 'utf8')), { ...before, auths: { other: auth('o') } });
  t.notOk(await removeLogin(file, 'docker.io'), 'once');
  t.equal(await removeAllLogins(file), 1);
  t.same(JSON.parse(readFileSync(file, 'utf8')), { ...before, auths: {} });
  t.equal(await removeAllLogins(join(file, '../none')), 0);
});

test('a file that is no auth file is left as it is', async (t) => {
  const file = join(t.testdir({}), 'auth.json');
  for (const content of ['not json', '[]', '{"auths":7}']) {
    writeFileSync(file, content);
    const changes = [() => saveLogin(file, 'h', login), () => removeLogin(file, 'h'), () => removeAllLogins(file)];
    for (const change of changes)
      await t.rejects(async () => void (await change()), { code: 'ERR_PODRUN_AUTH_FILE' }, content);
    t.equal(readFileSync(file, 'utf8'), content);
  }
});

test('a link stays a link, and another user keeps the file', async (t) => {
  const directory = t.testdir({ 'real.json': '{}' });
  const link = join(directory, 'auth.json');
  symlinkSync('real.json', link);
  await saveLogin(link, 'h', login);
  t.equal(readlinkSync(link), 'real.json');
  t.ok(JSON.parse(readFileSync(join(directory, 'real.json'), 'utf8')).auths.h);
});

test('the helper of a file keeps and forgets its logins', async (t) => {
  const bin = makeHelper(t, 'keeper', 'true');
  const file = join(t.testdir({}), 'auth.json');
  writeFileSync(file, JSON.stringify({ credHelpers: { h: 'keeper' } }));
  t.equal(await saveLogin(file, 'h', login), 'docker-credential-keeper');
  t.ok(await removeLogin(file, 'h'));
  t.same(readFileSync(join(bin, 'arguments'), 'utf8').split('\n'), ['store', 'erase', '']);
  t.match(readFileSync(join(bin, 'input'), 'utf8'), '{"ServerURL":"h","Username":"alice","Secret":"p:ä"}');
  t.same(JSON.parse(readFileSync(file, 'utf8')), { credHelpers: { h: 'keeper' } }, 'no password is in the file');
});

test('a directory that cannot be written to is an error that leaves nothing', async (t) => {
  const directory = t.testdir({ file: '' });
  mkdirSync(join(directory, 'auth.json'));
  await t.rejects(saveLogin(join(directory, 'auth.json'), 'h', login), { code: 'ERR_PODRUN_AUTH_FILE' });
  await t.rejects(saveLogin(join(directory, 'file', 'auth.json'), 'h', login), { code: 'ERR_PODRUN_AUTH_FILE' });
  t.same(readdirSync(directory).sort(), ['auth.json', 'file']);
});
