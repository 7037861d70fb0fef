import type { ContainerState, ContainerStatus, PodStatus } from '../../pod/status.js';
import { formatAge } from '../duration.js';

/** The part of a Pod object (PodHandle.toJSON) that lists show. */
export interface ShownPod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid?: string;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
  };
  readonly spec: {
    readonly containers: readonly ShownContainer[];
    readonly initContainers?: readonly ShownContainer[];
  };
  readonly status: PodStatus;
}

interface ShownContainer {
  readonly name: string;
  readonly image?: string;
}

function ended(state: ContainerState): string | undefined {
  const { terminated } = state;
  if (!terminated) return undefined;
  return terminated.reason || (terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`);
}

/** "Init:..." as long as an init container has not ended with 0, else undefined. */
function initialising(pod: ShownPod): string | undefined {
  const statuses = pod.status.initContainerStatuses ?? [];
  const index = statuses.findIndex(({ state }) => state.terminated?.exitCode !== 0);
  const current = statuses[index];
  if (!current) return undefined;
  const waiting = current.state.waiting?.reason;
  const word = ended(current.state) ?? (waiting === 'PodInitializing' ? undefined : waiting);
  return `Init:${word ?? `${index}/${pod.spec.initContainers?.length ?? statuses.length}`}`;
}

function isTrue(status: PodStatus, type: string): boolean {
  return status.conditions.some((condition) => condition.type === type && condition.status === 'True');
}

/** The first container that has something to say decides, except that one which runs hides those that are completed. */
function containersWord(status: PodStatus): string | undefined {
  const words = status.containerStatuses.map(({ state }) => state.waiting?.reason ?? ended(state));
  const word = words.find(Boolean);
  const running = status.containerStatuses.some(({ ready, state }) => ready && state.running);
  if (word === 'Completed' && running) return isTrue(status, 'Ready') ? 'Running' : 'NotReady';
  return word;
}

/** The STATUS column of kubectl: the phase, or the more telling reason of a container. */
export function statusWord(pod: ShownPod): string {
  const { status } = pod;
  const terminal = status.phase === 'Succeeded' || status.phase === 'Failed';
  if (pod.metadata.deletionTimestamp && !terminal) return 'Terminating';
  const init = isTrue(status, 'Initialized') ? undefined : initialising(pod);
  return init ?? containersWord(status) ?? status.reason ?? status.phase;
}

function restarts(pod: ShownPod, now: Date): string {
  const all: readonly ContainerStatus[] = [
    ...(pod.status.initContainerStatuses ?? []),
    ...pod.status.containerStatuses,
  ];
  const count = all.reduce((sum, container) => sum + container.restartCount, 0);
  const times = all
    .map(({ lastState }) => Date.parse(lastState.terminated?.finishedAt ?? ''))
    .filter((time) => !Number.isNaN(time));
  if (count === 0 || times.length === 0) return String(count);
  return `${count} (${formatAge(now.getTime() - Math.max(...times))} ago)`;
}

export interface PodRow {
  readonly namespace: string;
  readonly name: string;
  readonly ready: string;
  readonly status: string;
  readonly restarts: string;
  readonly age: string;
  readonly ip: string | undefined;
  readonly uid: string | undefined;
  readonly images: string;
}

export function podRow(pod: ShownPod, now: Date): PodRow {
  const created = Date.parse(pod.metadata.creationTimestamp ?? pod.status.startTime ?? '');
  const ready = pod.status.containerStatuses.filter((container) => container.ready && container.state.running).length;
  return {
    namespace: pod.metadata.namespace,
    name: pod.metadata.name,
    ready: `${ready}/${pod.spec.containers.length}`,
    status: statusWord(pod),
    restarts: restarts(pod, now),
    age: Number.isNaN(created) ? '<unknown>' : formatAge(now.getTime() - created),
    ip: pod.status.podIP,
    uid: pod.metadata.uid,
    images: [...new Set(pod.spec.containers.map((container) => container.image ?? ''))].join(','),
  };
}
