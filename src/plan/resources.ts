import type { Container, Pod } from '../manifest/pod.js';
import { toBytes, toMilli } from '../manifest/quantity.js';
import type { ContainerLimits } from './plan.js';

/** The kubelet's cpuCFSQuotaPeriod. */
const cpuPeriodUs = 100_000;
/** The kernel refuses a smaller quota (sched-bwc: at least 1 ms). */
const minQuotaUs = 1000;
const sharesPerCpu = 1024;
const minShares = 2;
const maxShares = 262_144;

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
  const { limits, requests } = amounts(container);
  const weighed = allContainers(pod).some((other) => amounts(other).requests.cpu > 0);
  return {
    ...(limits.cpu > 0 ? { cpuQuotaUs: Math.max((limits.cpu * cpuPeriodUs) / 1000, minQuotaUs), cpuPeriodUs } : {}),
    ...(weighed ? { cpuShares: cpuShares(requests.cpu) } : {}),
    // Pods do not swap (the kubelet's NoSwap); an out-of-memory kill takes the whole container, not one process of it.
    ...(limits.memory > 0
      ? { memoryBytes: Math.min(limits.memory, Number.MAX_SAFE_INTEGER), noSwap: true, oomGroup: true }
      : {}),
  };
}

/** CPU shares of cgroup v1 for a request in thousandths of a core: 1024 a core, within the kernel's bounds. */
export function cpuShares(requestMillis: number): number {
  const shares = Math.floor((requestMillis * sharesPerCpu) / 1000);
  return Math.min(Math.max(shares, minShares), maxShares);
}

/**
 * Guaranteed: every container has a cpu and a memory limit, and requests equal to them. BestEffort: none has any.
 * Init containers count.
 * @see kubernetes pkg/apis/core/v1/helper/qos/qos.go
 */
export function qosClass(pod: Pod): QosClass {
  const all = allContainers(pod).map(amounts);
  const same = (limit: number, request: number) => limit > 0 && limit === request;
  const guaranteed = all.every(
    ({ limits, requests }) => same(limits.cpu, requests.cpu) && same(limits.memory, requests.memory),
  );
  if (guaranteed) return 'Guaranteed';
  return all.some(({ requests }) => requests.cpu > 0 || requests.memory > 0) ? 'Burstable' : 'BestEffort';
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
  const share = amounts(container).requests.memory / machineMemoryBytes;
  return Math.min(Math.max(2, Math.trunc(1000 - 1000 * share)), 999);
}

interface Amounts {
  /** Thousandths of a core, bytes; 0 for none. */
  readonly limits: { readonly cpu: number; readonly memory: number };
  readonly requests: { readonly cpu: number; readonly memory: number };
}

/** A request that is not given is the limit, as the API defaults it. */
function amounts({ resources: { limits, requests } }: Container): Amounts {
  const cpu = cpuMillis(limits?.cpu);
  const memory = memoryBytes(limits?.memory);
  return {
    limits: { cpu, memory },
    requests: {
      cpu: requests?.cpu === undefined ? cpu : cpuMillis(requests.cpu),
      memory: requests?.memory === undefined ? memory : memoryBytes(requests.memory),
    },
  };
}

function cpuMillis(quantity: string | undefined): number {
  return quantity === undefined ? 0 : toMilli(quantity);
}

function memoryBytes(quantity: string | undefined): number {
  return quantity === undefined ? 0 : toBytes(quantity);
}

function allContainers(pod: Pod): readonly Container[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
}
