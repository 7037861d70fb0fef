import type { Clock } from '../clock.js';
import type { ImageService, PullEvent } from '../images/image.js';
import type { Pod } from '../manifest/pod.js';
import type { Directories } from '../paths.js';
import type { Machine, PodPaths } from '../plan/plan.js';
import type { Sandbox } from '../runtime/sandbox.js';
import type { PodPlaces } from '../state/pod-paths.js';

/** In the form of a Kubernetes event. */
export interface LifecycleEvent {
  /** Warning: something is not as it should be. */
  readonly level: 'Normal' | 'Warning';
  /** "Started", "Failed", "BackOff", "Killing", "OOMKilling", "DNSConfigForming"... */
  readonly reason: string;
  readonly message: string;
  readonly container?: string;
}

/** What the loops of one Pod share. */
export interface PodContext {
  readonly pod: Pod;
  readonly uid: string;
  readonly places: PodPlaces;
  readonly directories: Directories;
  readonly sandbox: Sandbox;
  readonly images: ImageService;
  readonly clock: Clock;
  /** Host paths for the plan; the cgroup is added for each attempt. */
  readonly paths: Omit<PodPaths, 'cgroup'>;
  readonly machine: Machine;
  /** Aborted when the Pod is told to end: nothing new starts. */
  readonly ending: AbortSignal;
  readonly emit: (event: LifecycleEvent) => void;
  readonly onPull: (event: PullEvent) => void;
}
