import { test } from 'tap';
import { parseConfig } from '../../src/images/format/config.js';
import { chainIds, digestOf } from '../../src/images/format/digest.js';

const diffId = `sha256:${'b'.repeat(64)}`;
const rootfs = { type: 'layers', diff_ids: [diffId] };

function parse(config: unknown, rest: object = {}) {
  return parseConfig('x', Buffer.from(JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs, config, ...rest })));
}

test('a whole config is read', async (t) => {
  const { config, platform, diffIds } = parse({
    User: 'nobody',
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
    Env: ['PATH=/bin', 'EMPTY=', 'TWO=a=b'],
    Entrypoint: ['/entry'],
    Cmd: ['a', ''],
    Volumes: { '/data': {} },
    WorkingDir: '/work',
    Labels: { a: 'b' },
    StopSignal: 'SIGQUIT',
  });
  t.same(platform, { os: 'linux', architecture: 'amd64' });
  t.same(diffIds, [diffId]);
  t.same(config, {
    env: ['PATH=/bin', 'EMPTY=', 'TWO=a=b'],
    user: 'nobody',
    exposedPorts: ['80/tcp', '53/udp'],
    entrypoint: ['/entry'],
    cmd: ['a', ''],
    volumes: ['/data'],
    workingDir: '/work',
    labels: { a: 'b' },
    stopSignal: 'SIGQUIT',
  });
});

test('null and absent are the same, as the tools that write configs have it', async (t) => {
  t.same(
    parse({ Env: null, Cmd: null, Entrypoint: null, Volumes: null, Labels: null, User: '', WorkingDir: '' }).config,
    { env: [] },
  );
  t.same(parse(null).config, { env: [] });
  t.same(parse(undefined).config, { env: [] });
});

test('what a config may not hold is refused', async (t) => {
  const refused: readonly [string, unknown, RegExp][] = [
    ['a user with a line break', { User: 'x\nroot::0:0' }, /config\.User/],
    ['a working directory with a NUL', { WorkingDir: '/a\0b' }, /config\.WorkingDir/],
    ['a command that is text', { Cmd: 'sh' }, /config\.Cmd must be a list/],
    ['a number in the command', { Cmd: ['sh', 1] }, /config\.Cmd/],
    ['a NUL in the environment', { Env: ['A=\0'] }, /config\.Env/],
    ['a variable without a name', { Env: ['=x'] }, /without a name: "=x"/],
    ['labels that are not text', { Labels: { a: 1 } }, /config\.Labels/],
    ['volumes as a list', { Volumes: ['/a'] }, /config\.Volumes/],
    ['a config that is a list', [], /config must be an object/],
  ];
  for (const [title, config, message] of refused) {
    t.throws(() => parse(config), { code: 'ERR_PODRUN_IMAGE_CONFIG', message }, title);
  }
  t.throws(() => parse({}, { os: undefined }), { code: 'ERR_PODRUN_IMAGE_CONFIG', message: /os or architecture/ });
  t.throws(() => parse({}, { rootfs: undefined }), { code: 'ERR_PODRUN_IMAGE_CONFIG', message: /rootfs is missing/ });
  t.throws(() => parse({}, { rootfs: { type: 'layers', diff_ids: ['sha256:../x'] } }), {
    code: 'ERR_PODRUN_IMAGE_CONFIG',
    message: /diff_ids/,
  });
  t.throws(() => parseConfig('x', Buffer.from('nonsense')), { code: 'ERR_PODRUN_IMAGE_CONFIG', message: /not JSON/ });
});

test('a ChainID names a layer with all that is below it', async (t) => {
  const [a, b, c] = ['a', 'b', 'c'].map((letter) => `sha256:${letter.repeat(64)}`) as [string, string, string];
  const ab = digestOf(`${a} ${b}`);
  t.same(chainIds([a, b, c]), [a, ab, digestOf(`${ab} ${c}`)]);
  t.same(chainIds([]), []);
});
