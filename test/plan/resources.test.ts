import t from 'tap';
import type { ResourceRequirements } from '../../src/manifest/pod.js';
import { containerLimits, cpuShares, oomScoreAdj, qosClass } from '../../src/plan/resources.js';
import { container, pod } from './fixture.js';

type Amounts = { cpu?: string; memory?: string };
const resources = (limits?: Amounts, requests?: Amounts): ResourceRequirements => ({
  ...(limits ? { limits } : {}),
  ...(requests ? { requests } : {}),
});
const limitsOf = (limits?: Amounts, requests?: Amounts) => {
  const only = container({ resources: resources(limits, requests) });
  return containerLimits(pod([only]), only);
};
const podOf = (...all: ResourceRequirements[]) =>
  pod(all.map((each, i) => container({ name: `c${i}`, resources: each })));

t.test('nothing asked for, nothing set', async (t) => {
  t.strictSame(limitsOf(), {});
  t.strictSame(limitsOf({ cpu: '0', memory: '0' }), {}, 'a limit of zero is none');
});

t.test('limits.cpu is a quota of a 100 ms period, at least the millisecond that the kernel takes', async (t) => {
  t.match(limitsOf({ cpu: '500m' }), { cpuQuotaUs: 50_000, cpuPeriodUs: 100_000 });
  t.match(limitsOf({ cpu: '2' }), { cpuQuotaUs: 200_000, cpuPeriodUs: 100_000 });
  t.match(limitsOf({ cpu: '1m' }), { cpuQuotaUs: 1000, cpuPeriodUs: 100_000 });
});

t.test('requests.cpu is shares, from the limit where there is no request', async (t) => {
  t.strictSame(limitsOf(undefined, { cpu: '250m' }), { cpuShares: 256 });
  t.equal(limitsOf({ cpu: '1' }).cpuShares, 1024);
  t.equal(limitsOf({ cpu: '1' }, { cpu: '100m' }).cpuShares, 102);
  t.strictSame([0, 1, 2, 100, 1000, 2000, 1e9].map(cpuShares), [2, 2, 2, 102, 1024, 2048, 262144]);
});

t.test('a container without a CPU request has least weight beside one that has a request', async (t) => {
  const quiet = container({ name: 'quiet' });
  const busy = container({ name: 'busy', resources: resources(undefined, { cpu: '1' }) });
  t.strictSame(containerLimits(pod([quiet, busy]), quiet), { cpuShares: 2 });
  t.strictSame(containerLimits(pod([quiet], { initContainers: [busy] }), quiet), { cpuShares: 2 });
  t.strictSame(containerLimits(pod([quiet]), quiet), {});
});

t.test('limits.memory is bytes without swap, and OOM takes the whole container', async (t) => {
  t.strictSame(limitsOf({ memory: '200Mi' }), { memoryBytes: 209_715_200, noSwap: true, oomGroup: true });
  t.equal(limitsOf({ memory: '129M' }).memoryBytes, 129_000_000);
  t.equal(limitsOf({ memory: '400m' }).memoryBytes, 1, 'a part of a byte is rounded up');
  t.equal(limitsOf({ memory: '7Ei' }).memoryBytes, Number.MAX_SAFE_INTEGER);
  t.strictSame(limitsOf(undefined, { memory: '1Gi' }), {}, 'a request is no limit');
});

t.test('QoS: Guaranteed when every container has limits equal to its requests', async (t) => {
  const full = { cpu: '1', memory: '1Gi' };
  t.equal(qosClass(podOf(resources(full, full))), 'Guaranteed');
  t.equal(qosClass(podOf(resources(full))), 'Guaranteed', 'requests default to limits');
  t.equal(qosClass(podOf(resources(full, { cpu: '1000m', memory: '1024Mi' }))), 'Guaranteed', 'by value, not by text');
  t.equal(qosClass(podOf(resources(full), resources(full))), 'Guaranteed');
});

t.test('QoS: one container that differs makes the Pod Burstable, none with anything BestEffort', async (t) => {
  const full = { cpu: '1', memory: '1Gi' };
  t.equal(qosClass(podOf(resources(full), resources())), 'Burstable');
  t.equal(qosClass(podOf(resources(full, { cpu: '500m', memory: '1Gi' }))), 'Burstable');
  t.equal(qosClass(podOf(resources({ memory: '1Gi' }))), 'Burstable');
  t.equal(qosClass(podOf(resources(undefined, { cpu: '1m' }))), 'Burstable');
  t.equal(qosClass(podOf(resources(), resources())), 'BestEffort');
  t.equal(qosClass(podOf(resources({ cpu: '0', memory: '0' }))), 'BestEffort', 'zero is nothing');
  const init = container({ name: 'init' });
  t.equal(
    qosClass(pod([container({ resources: resources(full) })], { initContainers: [init] })),
    'Burstable',
    'init counts',
  );
});

t.test('oom_score_adj by QoS, for Burstable by the share of the machine asked for', async (t) => {
  const score = (each: ResourceRequirements, machine = 16 * 2 ** 30) => {
    const one = podOf(each);
    return oomScoreAdj(one, one.spec.containers[0]!, machine);
  };
  t.equal(score(resources({ cpu: '1', memory: '1Gi' })), -997);
  t.equal(score(resources()), 1000);
  t.equal(score(resources(undefined, { memory: '4Gi' })), 750);
  t.equal(score(resources(undefined, { memory: '1Gi' })), 937);
  t.equal(score(resources(undefined, { cpu: '1' })), 999);
  t.equal(score(resources(undefined, { memory: '16Gi' })), 2);
  t.equal(score(resources(undefined, { memory: '64Gi' })), 2);
});
