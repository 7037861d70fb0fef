import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { credentialsFrom } from '../../src/images/credentials/lookup.js';
import { createImageService } from '../../src/images/service.js';
import { run, skipWithout } from '../helpers/command.js';
import { buildImage } from '../helpers/image-builder.js';
import { password, user } from '../helpers/login.js';
import { ensureStarter, privateDirectories, rootSkip } from '../helpers/machine.js';
import { project } from '../helpers/project.js';
import { copyWithSkopeo, startRegistry, type TestRegistry } from '../helpers/registry.js';

const skip =
  rootSkip() ||
  (!existsSync(join(project, 'dist/podrun.cjs')) && 'needs the built command line') ||
  skipWithout('docker-registry', 'skopeo', 'openssl', 'python3');

interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

interface Machine {
  readonly home: string;
  readonly authFile: string;
  /** Runs the real command line with a home of its own. */
  podrun(args: readonly string[], options?: { input?: string; env?: Record<string, string> }): Promise<Result>;
  environment(more?: Record<string, string>): Record<string, string>;
}

function machine(t: Test): Machine {
  ensureStarter();
  const { root, state, logs, remove } = privateDirectories();
  const home = mkdtempSync(join(tmpdir(), 'podrun-home-'));
  t.teardown(() => {
    remove();
    rmSync(home, { recursive: true, force: true });
  });
  const environment = (more = {}) => ({
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    XDG_RUNTIME_DIR: join(home, 'run'),
    PODRUN_ROOT: root,
    PODRUN_STATE: state,
    PODRUN_LOGS: logs,
    ...more,
  });
  return {
    home,
    authFile: join(home, 'run/containers/auth.json'),
    environment,
    podrun: (args, { input = '', env = {} } = {}) =>
      new Promise((resolve, reject) => {
        const child = spawn(join(project, 'bin/podrun'), args, { env: environment(env) });
        let [out, err] = ['', ''];
        child.stdout.on('data', (chunk) => {
          out += chunk;
        });
        child.stderr.on('data', (chunk) => {
          err += chunk;
        });
        child.stdin.on('error', () => {});
        child.stdin.end(input);
        child.on('error', reject).on('close', (code) => resolve({ code, out, err }));
      }),
  };
}

function pod(name: string, image: string): string {
  const container = { name: 'c', image, command: ['echo', 'hello from', name] };
  const spec = { restartPolicy: 'Never', containers: [container] };
  return JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec });
}

async function started(t: Test, options: Parameters<typeof startRegistry>[0], name: string): Promise<TestRegistry> {
  const registry = await startRegistry(options);
  t.teardown(() => registry.stop());
  await copyWithSkopeo(join(project, 'rootfs-cache/starter'), 'latest', registry, name, { login: true });
  return registry;
}

function file(path: string, content: unknown): string {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const loginArguments = (host: string) => ['login', '-u', user, '--password-stdin', host];
const auth = Buffer.from(`${user}:${password}`).toString('base64');

test('a registry with passwords, by the command line', { skip }, async (t) => {
  const registry = await started(t, { auth: 'basic' }, 'team/x:1');
  const { host } = registry;
  const image = `${host}/team/x:1`;
  const { podrun, home, authFile, environment } = machine(t);

  await t.test('without a login, the error names the files that were looked at', async (t) => {
    const { code, err } = await podrun(['run', '-'], { input: pod('none', image) });
    t.equal(code, 125);
    t.match(err, /user name and password/);
    t.match(err, `hint: the image may not exist, or it needs a login: podrun login ${host}`);
    for (const name of [
      'run/containers/auth.json',
      '.config/containers/auth.json',
      '.docker/config.json',
      '.dockercfg',
    ])
      t.match(err, join(home, name));
  });

  await t.test('a wrong password is refused by the registry and not kept', async (t) => {
    const { code, err } = await podrun(loginArguments(host), { input: 'hunter2\n' });
    t.equal(code, 125);
    t.match(err, `cannot log in to ${host}: wrong user name or password`);
    t.notMatch(err, 'hunter2');
    t.notOk(existsSync(authFile));
  });

  await t.test('a login is kept for its owner alone, and lets Pods run', async (t) => {
    const { code, out, err } = await podrun(loginArguments(host), { input: `${password}\n` });
    t.match({ code, out, err }, { code: 0, out: `logged in to ${host}, kept in ${authFile}\n`, err: '' });
    t.equal(statSync(authFile).mode & 0o777, 0o600);
    const ran = await podrun(['run', '-q', '-'], { input: pod('logged-in', image) });
    t.match(ran, { code: 0, out: 'hello from logged-in\n' });
  });

  await t.test('skopeo reads the same file, and its logins are read', async (t) => {
    const env = environment();
    const inspect = ['inspect', '--tls-verify=false', '--authfile', authFile, `docker://${image}`];
    t.match(await run('skopeo', inspect, { env }), /"Digest"/);
    await run('skopeo', ['logout', '--authfile', authFile, host], { env });
    const other = join(home, 'skopeo.json');
    await run('skopeo', ['login', '--tls-verify=false', '-u', user, '-p', password, '--authfile', other, host], {
      env,
    });
    t.match(await credentialsFrom({ authFile: other })(host, 'team/x'), { username: user, password });
  });

  await t.test('logout forgets it; a second one says that there is none', async (t) => {
    await podrun(loginArguments(host), { input: password });
    t.match(await podrun(['logout', host]), { code: 0, out: `logged out of ${host}\n` });
    t.same(JSON.parse(readFileSync(authFile, 'utf8')).auths, {});
    t.match(await podrun(['logout', host]), { code: 125, err: `not logged in to ${host}` });
    file(join(home, '.docker/config.json'), { auths: { [host]: { auth } } });
    t.match(await podrun(['logout', host]), { code: 0, err: `${home}/.docker/config.json still has a login` });
    rmSync(join(home, '.docker'), { recursive: true });
    t.match(await podrun(['logout', '--all']), { code: 0, out: `removed 0 logins from ${authFile}\n` });
  });

  await t.test('--authfile and a namespace', async (t) => {
    const other = join(home, 'deep/er/auth.json');
    const kept = await podrun([...loginArguments(`${host}/team`), '--authfile', other], { input: password });
    t.match(kept, { code: 0, out: `logged in to ${host}/team, kept in ${other}` });
    t.same(Object.keys(JSON.parse(readFileSync(other, 'utf8')).auths), [`${host}/team`]);
    const options = { input: pod('by-authfile', image), env: { PODRUN_ROOT: join(home, 'root') } };
    t.match(await podrun(['run', '-q', '--authfile', other, '-'], options), { code: 0 });
    const elsewhere = { input: pod('by-authfile', image), env: { PODRUN_ROOT: join(home, 'root2') } };
    const missing = await podrun(['run', '-q', '--authfile', join(home, 'typo'), '-'], elsewhere);
    t.match(missing, { code: 125, err: /typo: there is no such file/ });
  });

  await t.test('a credential helper', async (t) => {
    const bin = join(home, 'bin');
    const helper = file(
      join(bin, 'docker-credential-mine'),
      `#!/bin/sh\nread server; test "$1 $server" = "get ${host}" || exit 1\necho '{"Username":"${user}","Secret":"${password}"}'\n`,
    );
    chmodSync(helper, 0o755);
    const config = file(join(home, 'docker/config.json'), { credHelpers: { [host]: 'mine' } });
    const env = {
      DOCKER_CONFIG: join(config, '..'),
      PATH: `${bin}:${process.env['PATH']}`,
      PODRUN_ROOT: join(home, 'root3'),
    };
    t.match(await podrun(['run', '-q', '-'], { input: pod('helped', image), env }), { code: 0 });
    const { PATH: _, ...without } = { ...env, PODRUN_ROOT: join(home, 'root4') };
    const failed = await podrun(['run', '-q', '-'], { input: pod('helped', image), env: without });
    t.match(failed, { code: 125, err: /docker-credential-mine: no such program/ });
  });

  await t.test('what is in the store needs no login, no policy and no file of these', async (t) => {
    file(join(home, '.config/containers/policy.json'), 'broken');
    const env = { REGISTRY_AUTH_FILE: join(home, 'nowhere') };
    t.match(await podrun(['run', '-q', '-'], { input: pod('cached', image), env }), { code: 0 });
    rmSync(join(home, '.config'), { recursive: true });
  });
});

/** Types a password on a terminal of its own once it is asked for; prints all that the terminal showed. */
const typist = `
import os, pty, sys, json
pid, fd = pty.fork()
if pid == 0: os.execvp(sys.argv[2], sys.argv[2:])
shown = b''
answers = json.loads(sys.argv[1])
while True:
    try: data = os.read(fd, 1000)
    except OSError: break
    if not data: break
    shown += data
    if answers and shown.endswith(answers[0][0].encode()): os.write(fd, answers.pop(0)[1].encode())
print(json.dumps({'code': os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 'shown': shown.decode()}))
`;

test('a password is asked for on a terminal without showing it', { skip }, async (t) => {
  const registry = await startRegistry({ auth: 'basic' });
  t.teardown(() => registry.stop());
  const { authFile, environment, podrun } = machine(t);
  const type = async (...answers: readonly (readonly [string, string])[]) => {
    const args = ['-c', typist, JSON.stringify(answers), join(project, 'bin/podrun'), 'login', registry.host];
    return JSON.parse(await run('python3', args, { env: environment() })) as { code: number; shown: string };
  };
  const { code, shown } = await type(['Username: ', `alicx\u007fe\r`], ['Password: ', `${password}x\u007f\r`]);
  t.equal(code, 0);
  t.match(shown, /^Username: alicx.*alice\r\nPassword: \r\nlogged in to/s);
  t.notMatch(shown, password);
  t.match(await credentialsFrom({ authFile })(registry.host, ''), { username: user, password });
  rmSync(authFile);
  t.equal((await type(['Username: ', 'alice\r'], ['Password: ', 'sec\u0003'])).code, 130, 'Ctrl-C');
  t.notOk(existsSync(authFile));
  t.match(await podrun(['login', registry.host]), { code: 125, err: /--password-stdin/ }, 'no terminal');
});

test('a registry with tokens', { skip }, async (t) => {
  const registry = await started(t, { auth: 'token' }, 'private/x:1');
  const { podrun } = machine(t);
  const image = `${registry.host}/private/x:1`;
  t.match(await podrun(['run', '-q', '-'], { input: pod('p', image) }), { code: 125, err: /no access|denied|401/ });
  const wrong = await podrun(loginArguments(registry.host), { input: 'hunter2' });
  t.match(wrong, { code: 125, err: /cannot log in to .*: token service .* answered 401/ });
  t.match(await podrun(loginArguments(registry.host), { input: password }), { code: 0 });
  t.match(await podrun(['run', '-q', '-'], { input: pod('p', image) }), { code: 0 });
});

test('a registry whose certificate certs.d vouches for', { skip }, async (t) => {
  const registry = await started(t, { auth: 'basic', tls: true }, 'x:1');
  const { podrun, home } = machine(t);
  const failed = await podrun(loginArguments(registry.host), { input: password });
  t.match(failed, { code: 125, err: /certificate/ });
  const directory = join(home, '.config/containers/certs.d', registry.host);
  mkdirSync(directory, { recursive: true });
  cpSync(registry.certificate?.certFile ?? '', join(directory, 'ca.crt'));
  t.match(await podrun(loginArguments(registry.host), { input: password }), { code: 0, err: '' });
  const ran = await podrun(['run', '-q', '-'], { input: pod('tls', `${registry.host}/x:1`) });
  t.match(ran, { code: 0, out: 'hello from tls\n' });
});

test('policy.json decides before anything is asked for', { skip }, async (t) => {
  const registry = await started(t, {}, 'x:1');
  const { podrun, home } = machine(t);
  const image = `${registry.host}/x:1`;
  const policy = (document: unknown) => file(join(home, '.config/containers/policy.json'), document);
  const accept = [{ type: 'insecureAcceptAnything' }];
  const docker = { [registry.host]: [{ type: 'reject' }] };
  const before = registry.requests.length;
  const path = policy({ default: accept, transports: { docker } });
  t.match(await podrun(['run', '-q', '-'], { input: pod('p', image) }), {
    code: 125,
    err: `image ${image} is refused by ${path}: transports.docker["${registry.host}"] says "reject"`,
  });
  policy({ default: [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: '/k' }] });
  t.match(await podrun(['run', '-q', '-'], { input: pod('p', image) }), { code: 125, err: /demands "signedBy"/ });
  policy('{"default":[{"type":"insecureAcceptAnything"}],"x":1}');
  t.match(await podrun(['run', '-q', '-'], { input: pod('p', image) }), { code: 125, err: /unknown field "x"/ });
  t.equal(registry.requests.length, before);
  policy({ default: [{ type: 'reject' }], transports: { docker: { [registry.host]: accept } } });
  t.match(await podrun(['run', '-q', '-'], { input: pod('p', image) }), { code: 0 });
  t.match(await podrun(['run', '-q', '-'], { input: pod('p', 'podrun.local/starter') }), {
    code: 125,
    err: /refused by/,
  });
});

test('the logins of one image are not those of the next', { skip }, async (t) => {
  const registry = await startRegistry({ auth: 'token' });
  t.teardown(() => registry.stop());
  const layout = t.testdir({});
  const layer = { tree: (root: string) => writeFileSync(join(root, 'file'), 'x') };
  await buildImage({ layers: [layer], config: { Cmd: ['true'] } }, layout, ['it']);
  for (const name of ['private/x:1', 'private/x:2'])
    await copyWithSkopeo(layout, 'it', registry, name, { login: true });
  const { root, remove } = privateDirectories();
  t.teardown(remove);
  const nobody = async () => undefined;
  const service = createImageService({ root, registriesConf: '/dev/null', credentials: nobody });
  t.teardown(() => service.close());
  const image = (tag: string) => `${registry.host}/private/x:${tag}`;
  const denied = { code: 'ERR_PODRUN_REGISTRY_AUTH' };
  const policy = 'Always';
  await t.rejects(service.resolve(image('1'), { policy }), denied);
  const credentials = async (host: string) => (host === registry.host ? { username: user, password } : undefined);
  t.match(await service.resolve(image('1'), { policy, credentials }), { reference: image('1') });
  await t.rejects(service.resolve(image('2'), { policy }), denied, 'neither password nor token is kept');
  await t.rejects(service.resolve(image('1'), { policy }), denied, 'and Always asks again');
});
