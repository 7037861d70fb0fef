import type { Pod } from '../manifest/pod.js';
import { qosClass } from '../plan/resources.js';
import type { ContainerStatus, PodCondition, PodStatus } from './status.js';

/** What the Pod's status is made of, besides its containers. */
export interface PodFacts {
  readonly pod: Pod;
  readonly startTime: string;
  readonly sandboxReady: boolean;
  readonly address?: string | undefined;
  readonly hostAddress?: string | undefined;
  /** Every container has ended for good. */
  readonly ended: boolean;
  /** Why the whole Pod failed, when not because of a container. */
  readonly failure?: { readonly reason: string; readonly message: string } | undefined;
}

/** phase and conditions from the containers' states: pod-lifecycle, "Pod phase" and "Pod conditions". */
export function podStatus(
  facts: PodFacts,
  init: readonly ContainerStatus[],
  containers: readonly ContainerStatus[],
  previous: readonly PodCondition[],
  now: string,
): PodStatus {
  const phase = phaseOf(facts, init, containers);
  return {
    phase,
    conditions: conditions(facts, phase, init, containers, previous, now),
    ...(facts.failure ? facts.failure : {}),
    ...(facts.hostAddress ? { hostIP: facts.hostAddress, hostIPs: [{ ip: facts.hostAddress }] } : {}),
    ...(facts.address ? { podIP: facts.address, podIPs: [{ ip: facts.address }] } : {}),
    startTime: facts.startTime,
    qosClass: qosClass(facts.pod),
    ...(init.length > 0 ? { initContainerStatuses: init } : {}),
    containerStatuses: containers,
  };
}

function phaseOf(
  facts: PodFacts,
  init: readonly ContainerStatus[],
  containers: readonly ContainerStatus[],
): PodStatus['phase'] {
  if (facts.failure) return 'Failed';
  if (facts.ended) {
    const succeeded = containers.every((status) => status.state.terminated?.exitCode === 0);
    return succeeded ? 'Succeeded' : 'Failed';
  }
  const initialised = init.every((status) => status.state.terminated?.exitCode === 0);
  // Running needs every container created, and one of them running, starting again or on its way to it.
  const created = containers.every(
    (status) => status.state.running || status.state.terminated || status.restartCount > 0,
  );
  return initialised && created ? 'Running' : 'Pending';
}

function conditions(
  facts: PodFacts,
  phase: PodStatus['phase'],
  init: readonly ContainerStatus[],
  containers: readonly ContainerStatus[],
  previous: readonly PodCondition[],
  now: string,
): PodCondition[] {
  const completed = phase === 'Succeeded' ? 'PodCompleted' : undefined;
  const pendingInit = init.filter((status) => status.state.terminated?.exitCode !== 0).map((status) => status.name);
  const unready = containers.filter((status) => !status.ready).map((status) => status.name);
  const notReady =
    unready.length === 0 ? undefined : (completed ?? (phase === 'Failed' ? 'PodFailed' : 'ContainersNotReady'));
  const unreadyMessage = `containers with unready status: [${unready.join(' ')}]`;
  const list: Omit<PodCondition, 'lastTransitionTime'>[] = [
    { type: 'PodReadyToStartContainers', status: facts.sandboxReady ? 'True' : 'False' },
    pendingInit.length === 0
      ? { type: 'Initialized', status: 'True', ...(completed ? { reason: completed } : {}) }
      : {
          type: 'Initialized',
          status: 'False',
          reason: 'ContainersNotInitialized',
          message: `containers with incomplete status: [${pendingInit.join(' ')}]`,
        },
    { type: 'Ready', ...readiness(notReady, unreadyMessage) },
    { type: 'ContainersReady', ...readiness(notReady, unreadyMessage) },
    { type: 'PodScheduled', status: 'True' },
  ];
  return list.map((condition) => {
    const before = previous.find((other) => other.type === condition.type && other.status === condition.status);
    return { ...condition, lastTransitionTime: before?.lastTransitionTime ?? now };
  });
}

function readiness(reason: string | undefined, message: string): Pick<PodCondition, 'status' | 'reason' | 'message'> {
  if (reason === undefined) return { status: 'True' };
  return { status: 'False', reason, ...(reason === 'ContainersNotReady' ? { message } : {}) };
}
