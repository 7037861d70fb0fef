import type { ContainerStatus, PodStatus } from './status.js';

/** How a Pod ended. */
export interface PodResult {
  readonly phase: 'Succeeded' | 'Failed';
  /** 0 for Succeeded; else the first failing container's own code in manifest order, init containers first; 128+n for signal n. */
  readonly exitCode: number;
  /** The container that code is of. */
  readonly container?: string;
  /** "Error", "OOMKilled", "StartError", or a Pod-level reason. */
  readonly reason?: string;
  readonly message?: string;
}

/** The result that a final status stands for. */
export function podResult(status: PodStatus): PodResult {
  if (status.phase === 'Succeeded') return { phase: 'Succeeded', exitCode: 0 };
  const all = [...(status.initContainerStatuses ?? []), ...status.containerStatuses];
  const failed = all.find((container) => (container.state.terminated?.exitCode ?? 0) !== 0);
  if (failed) return failure(failed);
  return {
    phase: 'Failed',
    exitCode: 125,
    ...(status.reason === undefined ? {} : { reason: status.reason }),
    ...(status.message === undefined ? {} : { message: status.message }),
  };
}

function failure(status: ContainerStatus): PodResult {
  const { exitCode, reason, message } = status.state.terminated!;
  return { phase: 'Failed', exitCode, container: status.name, reason, ...(message === undefined ? {} : { message }) };
}
