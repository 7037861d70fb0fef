import { test } from 'tap';
import type { Pod } from '../../src/manifest/pod.js';
import { fromExit, initialStatus, running, terminated, waiting } from '../../src/pod/container-status.js';
import { type PodFacts, podStatus } from '../../src/pod/pod-status.js';
import { podResult } from '../../src/pod/result.js';
import type { ContainerStatus } from '../../src/pod/status.js';

const container = (name: string) => ({ name, image: 'busybox', imagePullPolicy: 'Always' as const, resources: {} });
const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default' },
  spec: {
    containers: [container('a'), container('b')],
    initContainers: [container('i')],
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'Default',
  },
};
const facts: PodFacts = {
  pod,
  startTime: '2026-01-01T00:00:00Z',
  sandboxReady: true,
  address: '10.86.0.2',
  ended: false,
};
const started = {
  image: 'docker.io/library/busybox:latest',
  imageID: 'x',
  containerID: 'c',
  startedAt: '2026-01-01T00:00:01.5Z',
  attempt: 0,
};
const fresh = (name: string) => initialStatus(container(name), true);
const up = (name: string) => running(fresh(name), started);
const exit = (exitCode: number, more = {}) =>
  fromExit(
    {
      event: 'exit',
      container: 'a',
      attempt: 0,
      exitCode,
      signal: exitCode > 128 ? exitCode - 128 : 0,
      oomKilled: false,
      lostLogBytes: 0,
      pid: 1,
      startedAt: '2026-01-01T00:00:01.5Z',
      finishedAt: '2026-01-01T00:00:02.5Z',
      ...more,
    },
    'c',
  );
const done = (name: string, exitCode: number, more = {}) => terminated(up(name), exit(exitCode, more));
const status = (init: ContainerStatus, a: ContainerStatus, b: ContainerStatus, more: Partial<PodFacts> = {}) =>
  podStatus({ ...facts, ...more }, [init], [a, b], [], '2026-01-01T00:00:09Z');

test('a Pod is Pending until its init containers are done and every container was created', (t) => {
  t.equal(status(up('i'), fresh('a'), fresh('b')).phase, 'Pending');
  t.equal(status(done('i', 0), up('a'), fresh('b')).phase, 'Pending');
  t.equal(status(done('i', 0), up('a'), up('b')).phase, 'Running');
  t.equal(status(done('i', 0), waiting(done('a', 1), 'CrashLoopBackOff'), up('b')).phase, 'Pending');
  t.equal(
    status(done('i', 0), waiting({ ...done('a', 1), restartCount: 1 }, 'CrashLoopBackOff'), up('b')).phase,
    'Running',
  );
  t.end();
});

test('a Pod that has ended is Succeeded when every container ended with 0, else Failed', (t) => {
  t.equal(status(done('i', 0), done('a', 0), done('b', 0), { ended: true }).phase, 'Succeeded');
  t.equal(status(done('i', 0), done('a', 0), done('b', 3), { ended: true }).phase, 'Failed');
  t.equal(status(done('i', 1), fresh('a'), fresh('b'), { ended: true }).phase, 'Failed');
  t.end();
});

test('conditions say what is not ready, and keep the time of their last change', (t) => {
  const before = status(up('i'), fresh('a'), fresh('b'));
  t.match(
    before.conditions.find(({ type }) => type === 'Initialized'),
    {
      status: 'False',
      reason: 'ContainersNotInitialized',
      message: 'containers with incomplete status: [i]',
    },
  );
  const after = podStatus(facts, [done('i', 0)], [up('a'), up('b')], before.conditions, '2026-01-01T00:01:00Z');
  const times = Object.fromEntries(after.conditions.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]));
  t.equal(times['Ready'], '2026-01-01T00:01:00Z');
  t.equal(times['PodScheduled'], '2026-01-01T00:00:09Z');
  t.equal(after.conditions.find(({ type }) => type === 'Ready')?.status, 'True');
  t.end();
});

test('a container state is exactly one of waiting, running and terminated, and the one before is kept', (t) => {
  const again = waiting(done('a', 7), 'CrashLoopBackOff', 'back-off 10s');
  t.same(Object.keys(again.state), ['waiting']);
  t.equal(again.lastState.terminated?.exitCode, 7);
  t.equal(again.lastState.terminated?.finishedAt, '2026-01-01T00:00:02Z');
  t.equal(done('a', 137, { oomKilled: true }).state.terminated?.reason, 'OOMKilled');
  t.equal(done('a', 143).state.terminated?.signal, 15);
  t.end();
});

test('the exit code of a Pod is its first failing container, init containers first', (t) => {
  t.match(podResult(status(done('i', 0), done('a', 0), done('b', 3), { ended: true })), {
    exitCode: 3,
    container: 'b',
  });
  t.match(podResult(status(done('i', 9), fresh('a'), fresh('b'), { ended: true })), { exitCode: 9, container: 'i' });
  t.match(podResult(status(done('i', 0), done('a', 0), done('b', 0), { ended: true })), {
    exitCode: 0,
    phase: 'Succeeded',
  });
  t.match(podResult(status(done('i', 0), done('a', 137, { oomKilled: true }), done('b', 1), { ended: true })), {
    exitCode: 137,
    container: 'a',
    reason: 'OOMKilled',
  });
  const failure = { reason: 'SandboxGone', message: 'gone' };
  t.match(podResult(status(up('i'), fresh('a'), fresh('b'), { ended: true, failure })), {
    exitCode: 125,
    reason: 'SandboxGone',
  });
  t.end();
});
