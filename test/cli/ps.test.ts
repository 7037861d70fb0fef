import t from 'tap';
import { formatAge, parseDuration } from '../../src/cli/duration.js';
import { podRow, type ShownPod, statusWord } from '../../src/cli/output/pod-row.js';
import type { ContainerState } from '../../src/pod/status.js';
import { containerStatus, FakePodrun, podrun, podStatus } from './fake.js';

const running: ContainerState = { running: { startedAt: '2026-01-01T00:00:00Z' } };
const waiting = (reason: string): ContainerState => ({ waiting: { reason } });
const ended = (exitCode: number, reason = exitCode === 0 ? 'Completed' : 'Error'): ContainerState => ({
  terminated: { exitCode, reason, startedAt: null, finishedAt: '2026-01-01T00:00:00Z' },
});

function pod(status: ShownPod['status'], metadata: object = {}): ShownPod {
  const names = (statuses: readonly { readonly name: string }[] = []) =>
    statuses.map(({ name }) => ({ name, image: `image-${name}` }));
  return {
    metadata: { name: 'p', namespace: 'default', ...metadata },
    spec: { containers: names(status.containerStatuses), initContainers: names(status.initContainerStatuses) },
    status,
  };
}

const withInit = (phase: 'Pending' | 'Failed', ...states: readonly ContainerState[]) =>
  pod(
    podStatus(
      phase,
      { app: waiting('PodInitializing') },
      { initContainerStatuses: states.map((state, i) => containerStatus(`i${i}`, state)) },
    ),
  );

t.test('STATUS is the word that kubectl shows', async (t) => {
  const ready = { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '' }] } as const;
  const cases: readonly (readonly [string, ShownPod])[] = [
    ['Running', pod(podStatus('Running', { app: running }))],
    ['Completed', pod(podStatus('Succeeded', { app: ended(0) }))],
    ['Error', pod(podStatus('Failed', { app: ended(1) }))],
    ['OOMKilled', pod(podStatus('Failed', { app: ended(137, 'OOMKilled') }))],
    ['ExitCode:3', pod(podStatus('Failed', { app: ended(3, '') }))],
    ['CrashLoopBackOff', pod(podStatus('Running', { app: waiting('CrashLoopBackOff') }))],
    ['ContainerCreating', pod(podStatus('Pending', { app: waiting('ContainerCreating') }))],
    ['ErrImagePull', pod(podStatus('Pending', { app: waiting('ErrImagePull'), b: running }))],
    ['Running', pod(podStatus('Running', { app: ended(0), b: running }, ready))],
    ['NotReady', pod(podStatus('Running', { app: ended(0), b: running }))],
    ['Init:0/2', withInit('Pending', running, waiting('PodInitializing'))],
    ['Init:1/2', withInit('Pending', ended(0), waiting('PodInitializing'))],
    ['PodInitializing', withInit('Pending', ended(0), ended(0))],
    ['Init:Error', withInit('Failed', ended(1))],
    ['Init:CrashLoopBackOff', withInit('Pending', waiting('CrashLoopBackOff'))],
    ['Pending', pod(podStatus('Pending', {}))],
    ['DeadlineExceeded', pod(podStatus('Failed', {}, { reason: 'DeadlineExceeded' }))],
    ['Terminating', pod(podStatus('Running', { app: running }), { deletionTimestamp: '2026-01-01T00:00:00Z' })],
    ['Completed', pod(podStatus('Succeeded', { app: ended(0) }), { deletionTimestamp: '2026-01-01T00:00:00Z' })],
  ];
  for (const [word, shown] of cases) t.equal(statusWord(shown), word);
});

t.test('a row counts what is ready and tells of restarts and their time', async (t) => {
  const status = podStatus('Running', { a: running, b: waiting('CrashLoopBackOff') }, { podIP: '10.86.0.7' });
  const restarted = {
    ...status,
    containerStatuses: [
      status.containerStatuses[0]!,
      { ...status.containerStatuses[1]!, restartCount: 3, lastState: ended(1) },
    ],
  };
  const row = podRow(pod(restarted, { creationTimestamp: '2025-12-31T23:59:00Z' }), new Date('2026-01-01T00:05:12Z'));
  t.match(row, {
    ready: '1/2',
    status: 'CrashLoopBackOff',
    restarts: '3 (5m12s ago)',
    age: '6m12s',
    ip: '10.86.0.7',
    images: 'image-a,image-b',
  });
});

t.test('ps prints a table, with more columns when asked', async (t) => {
  const handles = [
    { name: 'web', status: podStatus('Running', { app: running }, { podIP: '10.86.0.2' }) },
    { name: 'api' },
  ];
  const fake = () => new FakePodrun(handles);
  const { out } = await podrun(['ps'], { podrun: fake() });
  t.same(
    out
      .split('\n')
      .map((line) => line.split(/ {2,}/))
      .slice(0, 3),
    [
      ['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE', 'IP'],
      ['api', '1/1', 'Running', '0', '<unknown>', '<none>'],
      ['web', '1/1', 'Running', '0', '<unknown>', '10.86.0.2'],
    ],
  );
  t.match(
    (await podrun(['ps', '-A', '-o', 'wide'], { podrun: fake() })).out,
    /^NAMESPACE {2,}NAME .* UID +IMAGES\ndefault +api .* uid-api +i\n/,
  );
  t.equal((await podrun(['ps', '-q'], { podrun: fake() })).out, 'api\nweb\n');
  t.equal((await podrun(['ps', '-o', 'name'], { podrun: fake() })).out, 'pod/api\npod/web\n');
});

t.test('ps -o json prints a list of Pod objects', async (t) => {
  const { out } = await podrun(['ps', '-o', 'json'], { podrun: new FakePodrun([{ name: 'web' }]) });
  t.match(JSON.parse(out), {
    apiVersion: 'v1',
    kind: 'List',
    items: [{ kind: 'Pod', metadata: { name: 'web' }, status: { phase: 'Running' } }],
  });
});

t.test('ps without Pods says so on stderr, and is no error', async (t) => {
  t.same(await podrun(['ps', '-n', 'x']), { code: 0, out: '', err: 'podrun: no Pods in namespace "x"\n' });
  t.same(await podrun(['ps', '-A']), { code: 0, out: '', err: 'podrun: no Pods\n' });
});

t.test('ages have the units that kubectl gives them', async (t) => {
  const cases: readonly (readonly [number, string])[] = [
    [-5, '0s'],
    [0, '0s'],
    [119, '119s'],
    [120, '2m'],
    [312, '5m12s'],
    [600, '10m'],
    [3 * 3600, '3h'],
    [3 * 3600 + 61, '3h1m'],
    [9 * 3600, '9h'],
    [50 * 3600, '2d2h'],
    [9 * 86_400, '9d'],
    [800 * 86_400, '2y70d'],
    [3000 * 86_400, '8y'],
  ];
  for (const [seconds, age] of cases) t.equal(formatAge(seconds * 1000), age);
});

t.test('durations are read in the form of Go', async (t) => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['90s', 90],
    ['1h30m', 5400],
    ['1.5h', 5400],
    ['500ms', 0.5],
    ['2d', 172_800],
    ['', undefined],
    ['5', undefined],
    ['5m x', undefined],
    ['-5m', undefined],
  ];
  for (const [text, seconds] of cases) t.equal(parseDuration(text), seconds, text);
});
