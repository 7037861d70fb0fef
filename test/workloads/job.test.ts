import { test } from 'tap';
import type { Clock } from '../../src/clock.js';
import type { Job, Pod } from '../../src/manifest/pod.js';
import type { PodResult } from '../../src/pod/result.js';
import type { PodStatus } from '../../src/pod/status.js';
import type { PodSupervisor } from '../../src/pod/supervisor.js';
import { JobController, jobPod } from '../../src/workloads/job.js';

const job = (restartPolicy: 'Never' | 'OnFailure', backoffLimit: number): Job => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'hello', namespace: 'default' },
  spec: {
    backoffLimit,
    template: {
      metadata: { labels: { app: 'x' } },
      spec: {
        containers: [{ name: 'hello', image: 'busybox', imagePullPolicy: 'Always', resources: {} }],
        restartPolicy,
        terminationGracePeriodSeconds: 30,
        dnsPolicy: 'Default',
      },
    },
  },
});

const failed: PodResult = { phase: 'Failed', exitCode: 1, container: 'hello', reason: 'Error' };
const succeeded: PodResult = { phase: 'Succeeded', exitCode: 0 };

/** Pods that end as told, and a clock that notes what it was asked to wait for. */
function setting(results: readonly PodResult[]) {
  const slept: number[] = [];
  const started: Pod[] = [];
  const removed: Pod[] = [];
  const terminated: number[] = [];
  let report: (status: PodStatus) => void = () => {};
  const clock: Clock = {
    monotonicMs: () => 0,
    now: () => new Date(0),
    sleep: async (ms) => {
      slept.push(ms);
    },
  };
  const start = async (pod: Pod, onStatus: (status: PodStatus) => void) => {
    report = onStatus;
    const result = results[started.length]!;
    started.push(pod);
    return {
      pod,
      result: Promise.resolve(result),
      remove: async () => removed.push(pod),
      terminate: (grace: number) => terminated.push(grace),
    } as unknown as PodSupervisor;
  };
  return { slept, started, removed, terminated, clock, start, report: (status: PodStatus) => report(status) };
}

test('the Pod of a Job has a random name, the labels of both, and its owner', (t) => {
  const pod = jobPod(job('Never', 6), 'uid-1');
  t.match(pod.metadata.name, /^hello-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  t.match(pod.metadata.labels, { app: 'x', 'job-name': 'hello', 'batch.kubernetes.io/controller-uid': 'uid-1' });
  t.match(pod.metadata.ownerReferences, [
    { apiVersion: 'batch/v1', kind: 'Job', name: 'hello', uid: 'uid-1', controller: true },
  ]);
  t.end();
});

test('with Never a failed Pod is replaced after 10 s, 20 s..., until one succeeds', async (t) => {
  const s = setting([failed, failed, succeeded]);
  const controller = await JobController.start(job('Never', 6), 'u', s.start, s.clock);
  t.match(await controller.result, { phase: 'Succeeded', exitCode: 0 });
  t.same(s.slept, [10_000, 20_000]);
  t.equal(new Set(s.started.map((pod) => pod.metadata.name)).size, 3);
  t.equal(s.removed.length, 2);
});

test('with Never a Job gives up when more Pods than backoffLimit have failed', async (t) => {
  const s = setting([failed, failed, failed]);
  const controller = await JobController.start(job('Never', 1), 'u', s.start, s.clock);
  t.match(await controller.result, { exitCode: 1, reason: 'BackoffLimitExceeded' });
  t.equal(s.started.length, 2);
});

test('with OnFailure the restarts of the container count', async (t) => {
  const s = setting([failed]);
  const controller = await JobController.start(job('OnFailure', 2), 'u', s.start, s.clock);
  const status = (restartCount: number) => ({ containerStatuses: [{ restartCount }] }) as unknown as PodStatus;
  s.report(status(1));
  t.same(s.terminated, []);
  s.report(status(2));
  t.same(s.terminated, [30]);
  t.match(await controller.result, { reason: 'BackoffLimitExceeded' });
});

test('a Job that is deleted while it waits to try again ends with the result of its last Pod', async (t) => {
  const s = setting([failed]);
  const waiting = new Promise<void>((resolve) => {
    s.clock.sleep = (_ms, signal) => {
      resolve();
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    };
  });
  const controller = await JobController.start(job('Never', 6), 'u', s.start, s.clock);
  await waiting;
  await controller.remove(0);
  t.match(await controller.result, failed);
  t.equal(s.started.length, 1);
});
