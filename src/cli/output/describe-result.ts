import type { PodResult } from '../../pod/result.js';
import type { PodStatus } from '../../pod/status.js';
import { signalName } from '../stop-signals.js';

export function describeOomKill(container: string): string {
  return `container "${container}" was killed by the kernel for using more memory than its limit (OOMKilled)`;
}

function containerFailure(name: string, result: PodResult, status: PodStatus): string {
  const statuses = [...(status.initContainerStatuses ?? []), ...status.containerStatuses];
  const terminated = statuses.find((container) => container.name === name)?.state.terminated;
  const who = `container "${name}"`;
  const reason = result.reason ?? terminated?.reason;
  if (reason === 'OOMKilled') return describeOomKill(name);
  const message = (result.message ?? terminated?.message ?? '').trim();
  const detail = message === '' ? '' : `: ${message}`;
  if (reason === 'StartError' || reason === 'ContainerCannotRun') return `${who} could not be started${detail}`;
  const signal = terminated?.signal;
  if (signal) return `${who} was ended by signal ${signal} (${signalName(signal) ?? 'unknown'})${detail}`;
  return `${who} exited with code ${result.exitCode}${reason && reason !== 'Error' ? ` (${reason})` : ''}${detail}`;
}

/** Why a Pod failed, in one line; undefined when it has not. */
export function describeResult(pod: string, result: PodResult, status: PodStatus): string | undefined {
  if (result.phase === 'Succeeded') return undefined;
  if (result.container !== undefined) return containerFailure(result.container, result, status);
  const why = [result.reason, result.message?.trim()].filter(Boolean).join(': ');
  return `pod "${pod}" failed${why ? `: ${why}` : ''}`;
}
