import type { Container, Pod } from '../manifest/pod.js';
import { compareQuantities, toBytes, toMilli } from '../manifest/quantity.js';
import type { ContainerLimits } from './plan.js';

/** The kubelet's cpuCFSQuotaPeriod. */
const cpuPeriodUs = 100_000;
/** The kernel refuses a smaller quota (sched-bwc: at least 1 ms). */
const minQuotaUs = 1000;
const sharesPerCpu = 1024;
const minShares = 2;
const maxShares = 262_144;

type Resource = 'cpu' | 'memory';
export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/**
 * Limits of one container in the kernel's units.
 *
 * Shares weigh containers of one Pod against each other. One without a CPU request gets the least, 2, as in Kubernetes;
 * in a Pod where none has a request all would have 2, which is the same as none having any: then nothing is set, and
 * a Pod without limits needs no cpu controller.
 * @see kubernetes pkg/kubelet/cm/helpers_linux.go, MilliCPUToQuota, MilliCPUToShares
 */
export function containerLimits(pod: Pod, container: Container): ContainerLimits {
  const cpu = toMilli(container.resources.limits?.cpu ?? '0');
  const memory = toBytes(container.resources.limits?.memory ?? '0');
  const weighed = allContainers(pod).some((other) => requested(other, 'cpu') !== undefined);
  return {
    ...(cpu > 0 ? { cpuQuotaUs: Math.max((cpu * cpuPeriodUs) / 1000, minQuotaUs), cpuPeriodUs } : {}),
    ...(weighed ? { cpuShares: cpuShares(requested(container, 'cpu')) } : {}),
    // Pods do not swap (the kubelet's NoSwap); an out-of-memory kill takes the whole container, not one process of it.
    ...(memory > 0 ? { memoryBytes: Math.min(memory, Number.MAX_SAFE_INTEGER), noSwap: true, oomGroup: true } : {}),
  };
}

/** CPU shares of cgroup v1 for a request: 1024 a core, within the kernel's bounds. */
export function cpuShares(request: string | undefined): number {
  const shares = Math.floor((toMilli(request ?? '0') * sharesPerCpu) / 1000);
  return Math.min(Math.max(shares, minShares), maxShares);
}

/**
 * Guaranteed: every container has a cpu and a memory limit, and requests equal to them. BestEffort: none has any.
 * Init containers count.
 * @see kubernetes pkg/apis/core/v1/helper/qos/qos.go
 */
export function qosClass(pod: Pod): QosClass {
  const containers = allContainers(pod);
  const resources: readonly Resource[] = ['cpu', 'memory'];
  if (containers.every((container) => resources.every((resource) => isGuaranteed(container, resource))))
    return 'Guaranteed';
  const some = containers.some((container) =>
    resources.some(
      (resource) => limited(container, resource) !== undefined || requested(container, resource) !== undefined,
    ),
  );
  return some ? 'Burstable' : 'BestEffort';
}

/**
 * How soon the kernel's OOM killer takes a container's processes when the machine itself runs out of memory: Burstable
 * ones the later the more of the machine they have asked for.
 * @see kubernetes docs, node-pressure-eviction, "Node out of memory behavior"
 */
export function oomScoreAdj(pod: Pod, container: Container, machineMemoryBytes: number): number {
  const qos = qosClass(pod);
  if (qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort') return 1000;
  const share = toBytes(requested(container, 'memory') ?? '0') / machineMemoryBytes;
  return Math.min(Math.max(2, Math.trunc(1000 - 1000 * share)), 999);
}

function isGuaranteed(container: Container, resource: Resource): boolean {
  const limit = limited(container, resource);
  const request = requested(container, resource);
  return limit !== undefined && request !== undefined && compareQuantities(limit, request) === 0;
}

/** A limit of zero is none. */
function limited(container: Container, resource: Resource): string | undefined {
  return positive(container.resources.limits?.[resource]);
}

/** A request that is not given is the limit, as the API defaults it. */
function requested(container: Container, resource: Resource): string | undefined {
  return positive(container.resources.requests?.[resource] ?? container.resources.limits?.[resource]);
}

function positive(quantity: string | undefined): string | undefined {
  return quantity !== undefined && compareQuantities(quantity, '0') > 0 ? quantity : undefined;
}

function allContainers(pod: Pod): readonly Container[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
}
