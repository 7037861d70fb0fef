import type { Container } from '../manifest/pod.js';
import type { ExitEvent } from '../runtime/connection.js';
import type { ContainerState, ContainerStatus, ContainerTerminated } from './status.js';

export function initialStatus(container: Container, hasInit: boolean): ContainerStatus {
  return {
    name: container.name,
    image: container.image,
    imageID: '',
    ready: false,
    started: false,
    restartCount: 0,
    state: { waiting: { reason: hasInit ? 'PodInitializing' : 'ContainerCreating' } },
    lastState: {},
  };
}

export function waiting(status: ContainerStatus, reason: string, message?: string): ContainerStatus {
  return {
    ...status,
    ready: false,
    started: false,
    lastState: lastTerminated(status),
    state: { waiting: { reason, ...(message === undefined ? {} : { message }) } },
  };
}

export interface Started {
  readonly image: string;
  readonly imageID: string;
  readonly containerID: string;
  readonly startedAt: string;
  readonly attempt: number;
}

export function running(status: ContainerStatus, started: Started): ContainerStatus {
  return {
    ...status,
    image: started.image,
    imageID: started.imageID,
    containerID: started.containerID,
    ready: true,
    started: true,
    restartCount: started.attempt,
    lastState: lastTerminated(status),
    state: { running: { startedAt: seconds(started.startedAt) } },
  };
}

export function terminated(status: ContainerStatus, state: ContainerTerminated): ContainerStatus {
  return { ...status, ready: false, started: false, state: { terminated: state }, lastState: lastTerminated(status) };
}

/** Reasons as containerd gives them: Completed, Error, OOMKilled. */
export function fromExit(exit: ExitEvent, containerID: string | undefined): ContainerTerminated {
  return {
    exitCode: exit.exitCode,
    ...(exit.signal > 0 ? { signal: exit.signal } : {}),
    reason: exit.oomKilled ? 'OOMKilled' : exit.exitCode === 0 ? 'Completed' : 'Error',
    startedAt: seconds(exit.startedAt),
    finishedAt: seconds(exit.finishedAt),
    ...(containerID === undefined ? {} : { containerID }),
  };
}

/** The API prints times with seconds only. */
export function seconds(time: string | Date): string {
  const text = typeof time === 'string' ? time : time.toISOString();
  return `${text.slice(0, 19)}Z`;
}

function lastTerminated(status: ContainerStatus): ContainerState {
  return status.state.terminated ? { terminated: status.state.terminated } : status.lastState;
}
