import { readFileSync } from 'node:fs';
import t from 'tap';
import { planContainer } from '../../src/plan/container.js';
import { defaultCapabilities } from '../../src/plan/security.js';
import { planInput } from './fixture.js';

t.test('a whole config, field for field', async (t) => {
  const plan = planContainer(
    planInput(
      {
        name: 'app',
        command: ['/bin/app', '--name=$(GREETING)'],
        args: ['$(MISSING)', '$$(GREETING)'],
        workingDir: '/work',
        env: [
          { name: 'WHO', value: 'world' },
          { name: 'GREETING', value: 'hello $(WHO)' },
        ],
        resources: { limits: { cpu: '500m', memory: '200Mi' }, requests: { cpu: '250m', memory: '128Mi' } },
        volumeMounts: [
          { name: 'data', mountPath: '/srv/data/inner', readOnly: true },
          { name: 'more', mountPath: '/srv/data' },
        ],
      },
      {
        entrypoint: ['/ignored'],
        env: ['PATH=/bin', 'LANG=C'],
        user: 'app',
        stopSignal: 'SIGQUIT',
        labels: { evil: 'label' },
      },
      { users: { passwd: 'app:x:1000:100::/home/app:\n', group: 'audio:x:29:app\n' } },
    ),
  );
  const { config, limits, stopSignal, seccomp } = plan;
  const golden = JSON.parse(readFileSync(new URL('golden/app.json', import.meta.url), 'utf8'));
  t.strictSame(JSON.parse(JSON.stringify({ config, limits, stopSignal, seccompKey: seccomp?.key })), golden);
});

t.test('fourteen capabilities, none of them inheritable or ambient, for every user', async (t) => {
  const bits = { CHOWN: 0, DAC_OVERRIDE: 1, FOWNER: 3, FSETID: 4, KILL: 5, SETGID: 6, SETUID: 7, SETPCAP: 8 };
  const more = { NET_BIND_SERVICE: 10, NET_RAW: 13, SYS_CHROOT: 18, MKNOD: 27, AUDIT_WRITE: 29, SETFCAP: 31 };
  const numbers: Readonly<Record<string, number>> = { ...bits, ...more };
  const mask = defaultCapabilities.reduce((sum, name) => sum | (1n << BigInt(numbers[name.slice(4)]!)), 0n);
  t.equal(mask, 0xa80425fbn);
  for (const user of ['', '1000']) {
    const { capabilities } = planContainer(planInput({}, { user })).config.process;
    t.strictSame(capabilities.inheritable, []);
    t.strictSame(capabilities.ambient, []);
    for (const set of ['bounding', 'effective', 'permitted'] as const)
      t.strictSame(capabilities[set], defaultCapabilities);
  }
});

t.test('working directory: the manifest’s, else the image’s, else the root', async (t) => {
  const cwd = (workingDir?: string, ofImage?: string) =>
    planContainer(
      planInput(workingDir === undefined ? {} : { workingDir }, ofImage === undefined ? {} : { workingDir: ofImage }),
    ).config.process.cwd;
  t.equal(cwd(), '/');
  t.equal(cwd(undefined, ''), '/');
  t.equal(cwd(undefined, '/data'), '/data');
  t.equal(cwd('/mine', '/data'), '/mine');
  t.equal(cwd('relative'), '/relative');
});

t.test('HOSTNAME is what the sandbox is called', async (t) => {
  t.ok(planContainer(planInput()).config.process.env.includes('HOSTNAME=web'));
});

t.test('open files: soft 1024 and the hard limit that podrun has; nothing when that is not known', async (t) => {
  const rlimits = (noFileHard?: number) =>
    planContainer(
      planInput({}, {}, { machine: { memoryBytes: 1, cpus: 1, arch: 'x64', ...(noFileHard ? { noFileHard } : {}) } }),
    ).config.process.rlimits;
  t.equal(rlimits(), undefined);
  t.strictSame(rlimits(20000), [{ type: 'RLIMIT_NOFILE', hard: 20000, soft: 1024 }]);
  t.strictSame(rlimits(512), [{ type: 'RLIMIT_NOFILE', hard: 512, soft: 512 }]);
});

t.test('each processor’s thermal events are masked', async (t) => {
  const { maskedPaths } = planContainer(planInput()).config.linux;
  t.strictSame(
    maskedPaths.filter((path) => path.includes('thermal')),
    [0, 1].map((cpu) => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`),
  );
});

t.test('a NUL in what the kernel reads as a string is refused', async (t) => {
  const bad = { code: 'ERR_PODRUN_MANIFEST_INVALID', container: 'web', message: /NUL/ };
  t.throws(() => planContainer(planInput({ command: ['a\0b'] })), bad);
  t.throws(() => planContainer(planInput({ env: [{ name: 'A', value: 'x\0' }] })), bad);
  t.throws(() => planContainer(planInput({}, { workingDir: '/a\0' })), bad);
});

t.test('labels of the image do not become annotations', async (t) => {
  const { annotations } = planContainer(
    planInput({}, { labels: { 'io.kubernetes.cri.container-name': 'evil' } }),
  ).config;
  t.equal(annotations?.['io.kubernetes.cri.container-name'], 'web');
  t.notOk(JSON.stringify(annotations).includes('evil'));
});

t.test('a plan is pure: the same input twice gives equal output and leaves the input as it was', async (t) => {
  const input = planInput({ volumeMounts: [{ name: 'data', mountPath: '/d' }] });
  const before = JSON.stringify(input);
  t.strictSame(JSON.stringify(planContainer(input)), JSON.stringify(planContainer(input)));
  t.equal(JSON.stringify(input), before);
});
