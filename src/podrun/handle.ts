import { join } from 'node:path';
import { PodrunError } from '../errors.js';
import type { Directories } from '../paths.js';
import type { ApiPod } from '../pod/object.js';
import { type PodResult, podResult } from '../pod/result.js';
import type { PodStatus } from '../pod/status.js';
import type { PodSupervisor } from '../pod/supervisor.js';
import { type ExecSession, execInContainer } from '../runtime/exec.js';
import { requestDeletion } from '../state/deletion.js';
import { podPlaces } from '../state/pod-paths.js';
import { recover, removeByForce } from '../state/recovery.js';
import type { JobController } from '../workloads/job.js';
import type { DeleteOptions, ExecOptions, LogLine, LogsOptions, PodHandle } from './api.js';
import { readPodLogs } from './logs.js';
import { readPod, watchPod } from './records.js';

/** Where a handle's facts come from: a supervisor in this process, or the records of another. */
interface Source {
  object(): ApiPod;
  wait(): Promise<PodResult>;
  remove(graceSeconds: number): Promise<void>;
}

class Handle implements PodHandle {
  readonly #directories: Directories;
  readonly #source: Source;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;

  constructor(directories: Directories, source: Source) {
    this.#directories = directories;
    this.#source = source;
    const { name, namespace, uid } = source.object().metadata;
    this.name = name;
    this.namespace = namespace;
    this.uid = uid;
  }

  get status(): PodStatus {
    return this.#source.object().status;
  }

  toJSON(): ApiPod {
    return this.#source.object();
  }

  wait(): Promise<PodResult> {
    return this.#source.wait();
  }

  logs(options: LogsOptions = {}): AsyncIterable<LogLine> {
    const ended = this.#source.wait().catch(() => {});
    return readPodLogs(this.#places().logs, this.#source.object(), options, ended);
  }

  async exec(command: readonly string[], options: ExecOptions = {}): Promise<ExecSession> {
    const container = this.#container(options.container);
    const places = this.#places();
    return execInContainer({
      socket: places.socket,
      container,
      bundles: join(places.state, 'containers', container),
      command,
      tty: options.tty ?? false,
      stdin: options.stdin ?? false,
      env: options.env,
      cwd: options.cwd,
      size: options.size,
      signal: options.signal,
    });
  }

  async delete(options: DeleteOptions = {}): Promise<void> {
    const grace = options.gracePeriodSeconds ?? this.#source.object().spec.terminationGracePeriodSeconds;
    if (options.gracePeriodSeconds === 0 && !options.force) {
      throw new PodrunError('ERR_PODRUN_FORCE_NEEDED', 'a grace period of 0 kills without notice, which needs force', {
        pod: this.name,
        hint: '--force --grace-period=0',
      });
    }
    const removal = this.#source.remove(options.force && options.gracePeriodSeconds === undefined ? 0 : grace);
    if (options.wait === false) removal.catch(() => {});
    else await removal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.delete();
  }

  #places() {
    return podPlaces(this.#directories, this.uid, this.namespace, this.name);
  }

  /** @throws ERR_PODRUN_CONTAINER_NOT_FOUND, ERR_PODRUN_CONTAINER_AMBIGUOUS */
  #container(name: string | undefined): string {
    const { containers, initContainers = [] } = this.#source.object().spec;
    if (name === undefined && containers.length === 1) return containers[0]!.name;
    const names = [...containers, ...initContainers].map((container) => container.name);
    if (name === undefined) {
      throw new PodrunError(
        'ERR_PODRUN_CONTAINER_AMBIGUOUS',
        `Pod "${this.name}" has several containers: ${names.join(', ')}`,
        {
          pod: this.name,
          hint: 'name one with -c',
        },
      );
    }
    if (names.includes(name)) return name;
    throw new PodrunError(
      'ERR_PODRUN_CONTAINER_NOT_FOUND',
      `Pod "${this.name}" has no container "${name}"; it has ${names.join(', ')}`,
      {
        pod: this.name,
        container: name,
      },
    );
  }
}

/** Handle of a Pod that this process supervises. */
export function supervisedHandle(directories: Directories, supervisor: PodSupervisor): PodHandle {
  return new Handle(directories, {
    object: () => supervisor.object(),
    wait: () => supervisor.result,
    remove: (graceSeconds) => supervisor.remove(graceSeconds),
  });
}

/** Handle of a Job: its current Pod's; the log is that of all its Pods. */
export function jobHandle(directories: Directories, job: JobController): PodHandle {
  const source: Source = {
    object: () => job.current.object(),
    wait: () => job.result,
    remove: (graceSeconds) => job.remove(graceSeconds),
  };
  return new JobHandle(directories, source, job);
}

class JobHandle extends Handle {
  readonly #directories: Directories;
  readonly #job: JobController;

  constructor(directories: Directories, source: Source, job: JobController) {
    super(directories, source);
    this.#directories = directories;
    this.#job = job;
  }

  override async *logs(options: LogsOptions = {}): AsyncGenerator<LogLine> {
    if (!options.follow) return yield* super.logs(options);
    for await (const pod of this.#job.pods()) yield* supervisedHandle(this.#directories, pod).logs(options);
  }
}

/** Handle of a Pod that another process supervises, or whose supervisor has died. */
export function recordedHandle(directories: Directories, pod: ApiPod): PodHandle {
  const { uid } = pod.metadata;
  const object = () => readPod(directories, uid) ?? pod;
  return new Handle(directories, {
    object,
    wait: async () => {
      const last = await until(directories, pod, (now) => isFinal(now));
      return podResult(last.status);
    },
    remove: async (graceSeconds) => {
      if (!requestDeletion(podPlaces(directories, uid, pod.metadata.namespace, pod.metadata.name), graceSeconds))
        return;
      const gone = until(directories, pod, () => false);
      // Without a supervisor nobody sees the request: then it is ours to end what is left.
      await recover(directories);
      if (graceSeconds > 0) await gone;
      else await endWithin(directories, uid, gone);
    },
  });
}

/** How long a supervisor may take to obey before the Pod is killed over its head. */
const obeyMs = 3_000;

async function endWithin(directories: Directories, uid: string, gone: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), obeyMs);
  });
  const first = await Promise.race([gone, late]);
  clearTimeout(timer);
  if (first !== 'late') return;
  await removeByForce(directories, uid);
  await gone;
}

function isFinal(pod: ApiPod): boolean {
  return pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';
}

/** The record that satisfies `done`, or the last one before the Pod was removed. */
function until(directories: Directories, pod: ApiPod, done: (pod: ApiPod) => boolean): Promise<ApiPod> {
  return new Promise((resolve) => {
    let last = pod;
    let settled = false;
    const watcher = watchPod(directories, pod.metadata.uid, (now) => {
      if (now) last = now;
      if (now && !done(now)) return;
      settled = true;
      watcher?.close();
      resolve(last);
    });
    if (settled) watcher?.close();
  });
}
