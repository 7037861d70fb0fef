import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { PodrunError } from '../errors.js';
import type { ApiPod } from '../pod/object.js';
import type { LogRecord } from '../runtime/log-format.js';
import { readLog } from '../runtime/log-reader.js';
import type { LogLine, LogsOptions } from './api.js';
import { merge } from './merge.js';

/**
 * Records of a Pod's containers: with `follow` as they come, else one container after the other.
 * @param ended  resolves when nothing more will be written
 * @throws ERR_PODRUN_CONTAINER_NOT_FOUND
 */
export async function* readPodLogs(
  directory: string,
  pod: ApiPod,
  options: LogsOptions,
  ended: Promise<unknown>,
): AsyncGenerator<LogLine> {
  const stop = new AbortController();
  const leave = () => stop.abort();
  options.signal?.addEventListener('abort', leave);
  const finished = new AbortController();
  // One listener for each container: Node would take more than ten for a leak.
  setMaxListeners(0, stop.signal, finished.signal);
  if (options.follow) void ended.then(() => finished.abort());
  const readers = containerNames(pod, options.container).map((container) => {
    const batches = readLog({
      directory: join(directory, container),
      fromStart: options.fromStart ?? false,
      signal: stop.signal,
      onLost: () => options.onLost?.(container),
      ...(options.tailLines === undefined ? {} : { tailLines: options.tailLines }),
      ...(options.follow ? { ended: finished.signal } : {}),
    });
    return label(container, batches, sinceTime(options.sinceSeconds));
  });
  try {
    if (options.follow) yield* merge(readers);
    else for (const reader of readers) yield* reader;
  } finally {
    stop.abort();
    options.signal?.removeEventListener('abort', leave);
  }
}

function containerNames(pod: ApiPod, wanted: string | undefined): string[] {
  const names = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map((container) => container.name);
  if (wanted === undefined) return names;
  if (names.includes(wanted)) return [wanted];
  const message = `Pod "${pod.metadata.name}" has no container "${wanted}"; it has ${names.join(', ')}`;
  throw new PodrunError('ERR_PODRUN_CONTAINER_NOT_FOUND', message, { container: wanted });
}

/** RFC 3339 in UTC compares as text. */
function sinceTime(seconds: number | undefined): string {
  return seconds === undefined ? '' : new Date(Date.now() - seconds * 1000).toISOString();
}

async function* label(container: string, batches: AsyncGenerator<LogRecord[]>, since: string): AsyncGenerator<LogLine> {
  for await (const batch of batches) {
    for (const record of batch) if (record.time >= since) yield { container, ...record };
  }
}
