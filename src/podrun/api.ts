import type { PullEvent } from '../images/image.js';
import type { Images } from '../images/manage/types.js';
import type { LifecycleEvent } from '../pod/context.js';
import type { PodResult } from '../pod/result.js';
import type { PodStatus } from '../pod/status.js';
import type { ExecSession } from '../runtime/exec.js';

/**
 * The embedding API. The command line is built on it alone. Importing it installs no signal handler, prints nothing,
 * needs no root and loads no addon.
 */
export interface PodrunOptions {
  /** Images and the Pods' disks; default /var/lib/podrun. */
  readonly root?: string;
  /** Records, locks and sockets, on a tmpfs; default /run/podrun. */
  readonly state?: string;
  /** Container logs; default /var/log/pods. */
  readonly logs?: string;
  /** Mirrors before those of registries.conf: { "docker.io": ["http://127.0.0.1:5000"] }. */
  readonly registryMirrors?: Readonly<Record<string, readonly string[]>>;
  /** Another registries.conf. */
  readonly registriesConf?: string;
  /** The one file to look for logins in; default: $REGISTRY_AUTH_FILE, else those of containers' tools and of Docker. */
  readonly authFile?: string;
}

/** A manifest: text, a file, or an object as the API has it. */
export type PodSource =
  | string
  | URL
  | { readonly file: string }
  | { readonly text: string; readonly name?: string }
  | object;

export type PodEvent =
  | { readonly type: 'notice'; readonly message: string }
  | { readonly type: 'pull'; readonly event: PullEvent }
  | { readonly type: 'status'; readonly status: PodStatus }
  /** In the form of a Kubernetes event: Started, BackOff, Killing, OOMKilling... */
  | ({ readonly type: 'event' } & LifecycleEvent);

export interface RunOptions {
  readonly namespace?: string;
  /** Cancels the start: ERR_PODRUN_CANCELLED, and nothing is left. Once `run` has resolved, `delete()` ends the Pod. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: PodEvent) => void;
}

export interface LogsOptions {
  /** All containers when absent. */
  readonly container?: string;
  readonly follow?: boolean;
  /** Begin with the first attempt of each container that is still there, not the latest. */
  readonly fromStart?: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  readonly signal?: AbortSignal;
  /** Called once for a container that writes faster than its log is read: rotation has removed some of it unread. */
  readonly onLost?: (container: string) => void;
}

export interface LogLine {
  readonly container: string;
  /** RFC 3339 with nanoseconds. */
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** Without the newline; `partial` when the program has not ended the line (yet). */
  readonly text: Buffer;
  readonly partial: boolean;
}

export interface ExecOptions {
  /** May be left out when the Pod has one container. */
  readonly container?: string;
  readonly tty?: boolean;
  readonly stdin?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Initial size of the terminal. */
  readonly size?: { readonly width: number; readonly height: number };
  readonly signal?: AbortSignal;
}

export interface DeleteOptions {
  /** Default: the Pod's terminationGracePeriodSeconds. 0 needs `force`. */
  readonly gracePeriodSeconds?: number;
  readonly force?: boolean;
  /** false: only ask for it, do not wait until the Pod is gone. */
  readonly wait?: boolean;
}

export interface PodHandle extends AsyncDisposable {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** As it is now. */
  readonly status: PodStatus;
  /** The whole object as the API has it: metadata, spec, status. */
  toJSON(): object;
  /** Resolves when the Pod has reached Succeeded or Failed. Rejects with what kept it from running: an image, the machine. */
  wait(): Promise<PodResult>;
  logs(options?: LogsOptions): AsyncIterable<LogLine>;
  exec(command: readonly string[], options?: ExecOptions): Promise<ExecSession>;
  delete(options?: DeleteOptions): Promise<void>;
}

export interface PodFilter {
  readonly namespace?: string;
  /** All namespaces. */
  readonly all?: boolean;
}

/** `Podrun.open()` gives one. Closing it deletes the Pods it supervises, gracefully. */
export interface PodrunApi extends AsyncDisposable {
  /**
   * Starts the one Pod (or Job) of a manifest and supervises it in this process. Resolves when it has been admitted
   * and its sandbox exists; images are pulled and containers started from then on, see `wait()` and `status`.
   * @throws ERR_PODRUN_MANIFEST_*, ERR_PODRUN_POD_EXISTS, ERR_PODRUN_NOT_ROOT, ERR_PODRUN_HOST
   */
  run(source: PodSource, options?: RunOptions): Promise<PodHandle>;
  /** Starts every workload of a manifest of several documents, in order. */
  runAll(source: PodSource, options?: RunOptions): Promise<readonly PodHandle[]>;
  /** Pods of this machine, whoever supervises them; leftovers of dead supervisors are removed first. */
  pods(filter?: PodFilter): Promise<readonly PodHandle[]>;
  /** @throws ERR_PODRUN_POD_NOT_FOUND */
  pod(name: string, options?: { readonly namespace?: string }): Promise<PodHandle>;
  /** The images of this machine: pull, list, remove, load, save, push. */
  readonly images: Images;
  close(): Promise<void>;
}
