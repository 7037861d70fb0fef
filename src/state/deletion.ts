import { type FSWatcher, watch } from 'node:fs';
import { basename } from 'node:path';
import { errnoCode } from '../errors.js';
import { readJson, writeJson } from './atomic.js';
import type { PodPlaces } from './pod-paths.js';

interface DeletionFile {
  readonly gracePeriodSeconds: number;
}

/**
 * Leaves the wish to delete a Pod where its supervisor sees it; in a file, so that the wish outlives the one who asks. False
 * when the Pod is gone already.
 */
export function requestDeletion(places: PodPlaces, gracePeriodSeconds: number): boolean {
  try {
    writeJson(places.deletion, { gracePeriodSeconds } satisfies DeletionFile);
    return true;
  } catch (error) {
    if (errnoCode((error as Error).cause) === 'ENOENT') return false;
    throw error;
  }
}

/** The supervisor's side: calls `onRequest` for each request, one that is there already included. */
export function watchDeletion(places: PodPlaces, onRequest: (gracePeriodSeconds: number) => void): FSWatcher {
  const check = () => {
    const request = readJson<DeletionFile>(places.deletion);
    if (request) onRequest(request.gracePeriodSeconds);
  };
  const watcher = watch(places.state, { persistent: false }, (_event, file) => {
    if (file === basename(places.deletion)) check();
  });
  check();
  return watcher;
}
