import { type FSWatcher, readlinkSync, watch } from 'node:fs';
import { join } from 'node:path';
import { errnoCode, PodrunError } from '../errors.js';
import type { Directories } from '../paths.js';
import type { ApiPod } from '../pod/object.js';
import { readJson } from '../state/atomic.js';
import { nameClaim, podsDirectory } from '../state/pod-paths.js';
import { listUids } from '../state/recovery.js';

/** Records of all Pods of the machine, in the order of their names. */
export function readPods(directories: Directories): ApiPod[] {
  const pods = listUids(directories).map((uid) => readPod(directories, uid));
  return pods.filter((pod) => pod !== undefined).sort((a, b) => order(a).localeCompare(order(b)));
}

export function readPod(directories: Directories, uid: string): ApiPod | undefined {
  return readJson<ApiPod>(join(podsDirectory(directories), uid, 'pod.json'));
}

/** @throws ERR_PODRUN_POD_NOT_FOUND */
export function findPod(directories: Directories, namespace: string, name: string): ApiPod {
  const pod = readClaimed(directories, namespace, name);
  if (pod) return pod;
  const others = readPods(directories).filter((other) => other.metadata.name === name);
  throw new PodrunError('ERR_PODRUN_POD_NOT_FOUND', `no Pod named "${name}" in namespace "${namespace}"`, {
    pod: name,
    hint: others[0]
      ? `there is one in namespace "${others[0].metadata.namespace}": -n ${others[0].metadata.namespace}`
      : 'podrun ps -A',
  });
}

function readClaimed(directories: Directories, namespace: string, name: string): ApiPod | undefined {
  // A name that can't be one must not become a path.
  if (!/^[a-z0-9][-a-z0-9.]*$/.test(name) || !/^[a-z0-9][-a-z0-9]*$/.test(namespace)) return undefined;
  try {
    return readPod(directories, readlinkSync(nameClaim(directories, namespace, name)));
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function order(pod: ApiPod): string {
  return `${pod.metadata.namespace}/${pod.metadata.name}`;
}

/**
 * Calls `onChange` with the record of a Pod that another process supervises, now and whenever it changes, and with
 * undefined once it is gone.
 */
export function watchPod(
  directories: Directories,
  uid: string,
  onChange: (pod: ApiPod | undefined) => void,
): FSWatcher | undefined {
  const directory = join(podsDirectory(directories), uid);
  let watcher: FSWatcher;
  try {
    watcher = watch(directory, (_event, file) => {
      if (file === 'pod.json' || file === uid || file === null) onChange(readPod(directories, uid));
    });
  } catch (error) {
    if (errnoCode(error) !== 'ENOENT') throw error;
    onChange(undefined);
    return undefined;
  }
  watcher.on('error', () => onChange(undefined));
  onChange(readPod(directories, uid));
  return watcher;
}
