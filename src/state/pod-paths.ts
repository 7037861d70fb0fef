import { join } from 'node:path';
import type { Directories } from '../paths.js';

/** Every place that one Pod has on the machine, all derived from its UID and name. */
export interface PodPlaces {
  readonly uid: string;
  /** <state>/pods/<uid>: records, sockets, bundles; made first, removed last. */
  readonly state: string;
  /** The API object with its status. */
  readonly record: string;
  /** Pid and address of the sandbox. */
  readonly sandbox: string;
  /** Held (flock) by the process that supervises the Pod. */
  readonly supervisorLock: string;
  /** Written by whoever asks for the deletion, watched by the supervisor. */
  readonly deletion: string;
  readonly socket: string;
  readonly shm: string;
  /** <root>/pods/<uid>: writable layers and volumes. */
  readonly disk: string;
  readonly logs: string;
  /** cgroup path below each hierarchy's root. */
  readonly cgroup: string;
}

/** NAME_MAX of Linux' filesystems. */
const maxFileName = 255;

export function podPlaces(directories: Directories, uid: string, namespace: string, name: string): PodPlaces {
  const state = join(podsDirectory(directories), uid);
  return {
    uid,
    state,
    record: join(state, 'pod.json'),
    sandbox: join(state, 'sandbox.json'),
    supervisorLock: join(state, 'supervisor.lock'),
    deletion: join(state, 'deletion.json'),
    socket: join(state, 'sandbox.sock'),
    shm: join(state, 'shm'),
    disk: join(directories.root, 'pods', uid),
    logs: join(directories.logs, `${`${namespace}_${name}`.slice(0, maxFileName - uid.length - 1)}_${uid}`),
    cgroup: `podrun/pod${uid}`,
  };
}

export function podsDirectory(directories: Directories): string {
  return join(directories.state, 'pods');
}

/**
 * The symbolic link that claims a name: its target is the UID. Neither part can hold an underscore; together they may be
 * longer (63 and 253) than the name of a file.
 */
export function nameClaim(directories: Directories, namespace: string, name: string): string {
  const whole = `${namespace}_${name}`;
  if (whole.length <= maxFileName) return join(directories.state, 'names', whole);
  // Loaded here alone: it would cost every start a millisecond.
  const digest = process.getBuiltinModule('node:crypto').createHash('sha256').update(whole).digest('hex');
  return join(directories.state, 'names', `${whole.slice(0, maxFileName - digest.length - 1)}_${digest}`);
}

/** The writable layer of one attempt of a container. */
export function writableLayer(places: PodPlaces, container: string, attempt: number): { upper: string; work: string } {
  const base = join(places.disk, 'containers', container, String(attempt));
  return { upper: join(base, 'upper'), work: join(base, 'work') };
}

export function bundle(places: PodPlaces, container: string, attempt: number): string {
  return join(places.state, 'containers', container, String(attempt));
}

export function logFile(places: PodPlaces, container: string, attempt: number): string {
  return join(places.logs, container, `${attempt}.log`);
}

export function volumeDirectory(places: PodPlaces, volume: string): string {
  return join(places.disk, 'volumes', volume);
}
