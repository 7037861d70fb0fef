import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { PodrunError } from '../errors.js';
import type { ImageService } from '../images/image.js';
import { createImageService, type ImageServiceOptions } from '../images/service.js';
import type { Pod, Workload } from '../manifest/pod.js';
import { type Directories, defaultDirectories } from '../paths.js';
import type { PodStatus } from '../pod/status.js';
import { PodSupervisor, type SupervisorOptions } from '../pod/supervisor.js';
import { makeDirectory } from '../state/atomic.js';
import { recover } from '../state/recovery.js';
import { JobController, randomSuffix } from '../workloads/job.js';
import type { PodFilter, PodHandle, PodrunApi, PodrunOptions, PodSource, RunOptions } from './api.js';
import { jobHandle, recordedHandle, supervisedHandle } from './handle.js';
import { LazyImages } from './images.js';
import { findPod, readPods } from './records.js';
import { readSource } from './source.js';

/** The door for programs: `await using podrun = await Podrun.open()`. The command line is built on it alone. */
export class Podrun implements PodrunApi {
  readonly #directories: Directories;
  readonly #options: PodrunOptions;
  readonly #supervised = new Map<string, PodHandle>();
  #images: ImageService | undefined;
  #recovery: Promise<void> | undefined;
  #closed = false;
  readonly images = new LazyImages(
    () => this.#imageOptions(),
    () => {
      this.#needOpen();
      this.#needRoot();
    },
  );

  private constructor(options: PodrunOptions) {
    this.#options = options;
    this.#directories = {
      // What other processes are told of must not depend on where this one is.
      root: resolve(options.root ?? defaultDirectories.root),
      state: resolve(options.state ?? defaultDirectories.state),
      logs: resolve(options.logs ?? defaultDirectories.logs),
    };
  }

  /** Needs nothing of the machine; each method asks for what it needs. */
  static async open(options: PodrunOptions = {}): Promise<Podrun> {
    return new Podrun(options);
  }

  async run(source: PodSource, options: RunOptions = {}): Promise<PodHandle> {
    const workloads = this.#read(source, options);
    if (workloads.length !== 1) {
      const message = `the manifest has ${workloads.length} workloads, not one`;
      throw new PodrunError('ERR_PODRUN_MANIFEST_INVALID', message, { hint: 'use runAll for several' });
    }
    return this.#start(workloads[0]!, options);
  }

  async runAll(source: PodSource, options: RunOptions = {}): Promise<readonly PodHandle[]> {
    const handles: PodHandle[] = [];
    try {
      for (const workload of this.#read(source, options)) handles.push(await this.#start(workload, options));
      return handles;
    } catch (error) {
      await Promise.all(handles.map((handle) => handle.delete({ force: true, gracePeriodSeconds: 0 })));
      throw error;
    }
  }

  async pods(filter: PodFilter = {}): Promise<readonly PodHandle[]> {
    this.#needRoot();
    await recover(this.#directories);
    const pods = readPods(this.#directories).filter(
      ({ metadata }) => filter.all || metadata.namespace === (filter.namespace ?? 'default'),
    );
    return pods.map((pod) => this.#supervised.get(pod.metadata.uid) ?? recordedHandle(this.#directories, pod));
  }

  async pod(name: string, options: { readonly namespace?: string } = {}): Promise<PodHandle> {
    this.#needRoot();
    const pod = findPod(this.#directories, options.namespace ?? 'default', name);
    return this.#supervised.get(pod.metadata.uid) ?? recordedHandle(this.#directories, pod);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#supervised.values()].map((handle) => handle.delete()));
    await this.#images?.close();
    await this.images.close();
    await this.#recovery;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #read(source: PodSource, options: RunOptions): readonly Workload[] {
    this.#needOpen();
    const { workloads, notices } = readSource(source);
    for (const message of notices) options.onEvent?.({ type: 'notice', message });
    this.#needRoot();
    return workloads;
  }

  async #start(workload: Workload, options: RunOptions): Promise<PodHandle> {
    makeDirectory(this.#directories.state);
    makeDirectory(this.#directories.root);
    // What others left behind is removed beside our own work, not before it.
    this.#recovery ??= recover(this.#directories);
    this.#recovery.catch(() => {});
    const handle =
      workload.kind === 'Job' ? await this.#startJob(workload, options) : await this.#startPod(workload, options);
    if (options.signal?.aborted) {
      await handle.delete({ force: true, gracePeriodSeconds: 0 });
      const { name: pod } = workload.metadata;
      throw new PodrunError('ERR_PODRUN_CANCELLED', `the start of "${pod}" was cancelled`, {
        pod,
        cause: options.signal.reason,
      });
    }
    return handle;
  }

  async #startPod(pod: Pod, options: RunOptions): Promise<PodHandle> {
    const supervisor = await this.#supervise(named(pod, options), options);
    return this.#keep(supervisedHandle(this.#directories, supervisor), supervisor.gone);
  }

  async #startJob(workload: Workload & { kind: 'Job' }, options: RunOptions): Promise<PodHandle> {
    const job = named(workload, options);
    const controller = await JobController.start(job, newUid(), (pod, onStatus) =>
      this.#supervise(pod, options, onStatus),
    );
    const gone = controller.result.catch(() => {}).then(() => controller.current.gone);
    return this.#keep(jobHandle(this.#directories, controller), gone);
  }

  #supervise(pod: Pod, options: RunOptions, onStatus: (status: PodStatus) => void = () => {}): Promise<PodSupervisor> {
    const { onEvent } = options;
    const supervisorOptions: SupervisorOptions = {
      directories: this.#directories,
      images: this.#imageService(),
      onStatus: (status: PodStatus) => {
        onStatus(status);
        onEvent?.({ type: 'status', status });
      },
      ...(onEvent ? { onEvent: (event) => onEvent({ type: 'event', ...event }) } : {}),
      ...(onEvent ? { onPull: (event) => onEvent({ type: 'pull', event }) } : {}),
    };
    return PodSupervisor.start(supervisorOptions, pod, newUid());
  }

  #imageService(): ImageService {
    this.#images ??= createImageService(this.#imageOptions());
    return this.#images;
  }

  #imageOptions(): ImageServiceOptions {
    return {
      root: this.#directories.root,
      ...(this.#options.registryMirrors ? { registryMirrors: this.#options.registryMirrors } : {}),
      ...(this.#options.registriesConf ? { registriesConf: this.#options.registriesConf } : {}),
      ...(this.#options.authFile ? { authFile: this.#options.authFile } : {}),
    };
  }

  #keep(handle: PodHandle, gone: Promise<void>): PodHandle {
    this.#supervised.set(handle.uid, handle);
    void gone.then(() => this.#supervised.delete(handle.uid));
    return handle;
  }

  #needOpen(): void {
    if (this.#closed) throw new PodrunError('ERR_PODRUN_CLOSED', 'this Podrun has been closed');
  }

  #needRoot(): void {
    if (process.geteuid?.() === 0) return;
    throw new PodrunError('ERR_PODRUN_NOT_ROOT', 'podrun needs root for namespaces, mounts and cgroups', {
      hint: 'use sudo',
    });
  }
}

/** A name for generateName, and the namespace that the caller chose where the manifest has none of its own. */
function named<T extends Workload>(workload: T, options: RunOptions): T {
  const { metadata } = workload;
  const name = metadata.name || `${metadata.generateName}${randomSuffix()}`;
  const namespace = metadata.namespace === 'default' ? (options.namespace ?? 'default') : metadata.namespace;
  return { ...workload, metadata: { ...metadata, name, namespace } };
}

/** A random UUID from the kernel; loading node:crypto for it would cost more than a millisecond. */
function newUid(): string {
  return readFileSync('/proc/sys/kernel/random/uuid', 'latin1').trim();
}
