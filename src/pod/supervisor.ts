import { setMaxListeners } from 'node:events';
import type { FSWatcher } from 'node:fs';
import { type Clock, systemClock } from '../clock.js';
import type { ImageService, PullEvent } from '../images/image.js';
import type { Container, Pod } from '../manifest/pod.js';
import type { Directories } from '../paths.js';
import { podHostname } from '../plan/hosts.js';
import type { ExitEvent } from '../runtime/connection.js';
import { runSandbox, type Sandbox } from '../runtime/sandbox.js';
import { writeJson } from '../state/atomic.js';
import { type Claim, claimPod } from '../state/claim.js';
import { watchDeletion } from '../state/deletion.js';
import { PodRecord } from '../state/pod-record.js';
import { removeRemains, type SandboxRecord } from '../state/recovery.js';
import { ContainerRunner } from './container-runner.js';
import { initialStatus, seconds } from './container-status.js';
import type { LifecycleEvent, PodContext } from './context.js';
import { type ApiPod, apiPod, type DeletionRequest } from './object.js';
import { type PodFacts, podStatus } from './pod-status.js';
import { appRestartRule, initRestartRule } from './restart-rules.js';
import { type PodResult, podResult } from './result.js';
import { preparePod, preparePodFiles } from './setup.js';
import type { PodStatus } from './status.js';
import { Termination } from './terminate.js';

export interface SupervisorOptions {
  readonly directories: Directories;
  readonly images: ImageService;
  readonly clock?: Clock;
  readonly onStatus?: (status: PodStatus) => void;
  readonly onEvent?: (event: LifecycleEvent) => void;
  readonly onPull?: (event: PullEvent) => void;
}

/**
 * One Pod, supervised by this process: sandbox, then init containers one after the other, then containers together, until
 * none will run again or it is told to end; then nothing of it runs. Its record stays until `remove`.
 */
export class PodSupervisor {
  readonly pod: Pod;
  readonly uid: string;
  readonly #options: SupervisorOptions;
  readonly #clock: Clock;
  readonly #claim: Claim;
  readonly #ending = new AbortController();
  readonly #termination: Termination;
  readonly #createdAt: Date;
  readonly #record: PodRecord;
  #sandbox: Sandbox | undefined;
  #context: PodContext | undefined;
  #init: ContainerRunner[] = [];
  #containers: ContainerRunner[] = [];
  #facts: PodFacts;
  #status: PodStatus;
  #deletion: DeletionRequest | undefined;
  #watcher: FSWatcher | undefined;
  #removed: Promise<void> | undefined;
  #gone!: () => void;
  /** Resolves when nothing of the Pod is left on the machine, whoever asked for it. */
  readonly gone = new Promise<void>((resolve) => {
    this.#gone = resolve;
  });
  /** Resolves when the Pod has ended: nothing of it runs but the sandbox, which is ending; rejects when it could not be run (image, sandbox). */
  readonly result: Promise<PodResult>;
  #settle!: { resolve: (result: PodResult) => void; reject: (error: unknown) => void };

  private constructor(options: SupervisorOptions, pod: Pod, uid: string, claim: Claim) {
    this.pod = pod;
    this.uid = uid;
    this.#options = options;
    // One listener for each container: Node would take more than ten for a leak.
    setMaxListeners(0, this.#ending.signal);
    this.#clock = options.clock ?? systemClock;
    this.#claim = claim;
    this.#termination = new Termination(this.#clock);
    this.#createdAt = this.#clock.now();
    this.#facts = { pod, startTime: seconds(this.#createdAt), sandboxReady: false, ended: false };
    const { initContainers = [], containers } = pod.spec;
    const fresh = (container: Container) => initialStatus(container, initContainers.length > 0);
    const created = seconds(this.#createdAt);
    this.#status = podStatus(this.#facts, initContainers.map(fresh), containers.map(fresh), [], created);
    this.#record = new PodRecord(
      claim.places.record,
      () => this.object(),
      ({ message }) => this.#emit({ level: 'Warning', reason: 'FailedToRecord', message }),
    );
    this.result = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.result.catch(() => {});
  }

  /**
   * Takes the name, starts the sandbox, and sets the containers going.
   * @throws ERR_PODRUN_POD_EXISTS and what runSandbox throws; nothing is left then
   */
  static async start(options: SupervisorOptions, pod: Pod, uid: string): Promise<PodSupervisor> {
    const { namespace, name } = pod.metadata;
    const claim = await claimPod(options.directories, uid, namespace, name);
    const supervisor = new PodSupervisor(options, pod, uid, claim);
    try {
      supervisor.#record.create();
      await supervisor.#setUp();
    } catch (error) {
      supervisor.#ending.abort();
      await supervisor.remove();
      throw error;
    }
    void supervisor.#run();
    return supervisor;
  }

  get status(): PodStatus {
    return this.#status;
  }

  get places(): Claim['places'] {
    return this.#claim.places;
  }

  object(): ApiPod {
    return apiPod(this.pod, this.uid, this.#createdAt, this.#status, this.#deletion);
  }

  /** Begins the termination, or shortens its grace period. Does not wait. */
  terminate(graceSeconds: number): void {
    if (this.#facts.ended) return;
    const first = this.#termination.request(graceSeconds * 1000);
    if (first) {
      const at = new Date(this.#clock.now().getTime() + graceSeconds * 1000);
      this.#deletion = { deletionTimestamp: seconds(at), deletionGracePeriodSeconds: graceSeconds };
      this.#emit({
        level: 'Normal',
        reason: 'Killing',
        message: `stopping Pod "${this.pod.metadata.name}", grace period ${graceSeconds}s`,
      });
      this.#publish();
      this.#ending.abort();
    }
  }

  /** Ends the Pod if it still runs, and removes everything it has on the machine. */
  remove(graceSeconds = 0): Promise<void> {
    this.terminate(graceSeconds);
    this.#removed ??= this.#remove();
    return this.#removed;
  }

  async #remove(): Promise<void> {
    if (this.#context) await this.result.catch(() => {});
    this.#watcher?.close();
    this.#record.close();
    // Readers of the log are told of the end by the same result: let them open what is left to read.
    await new Promise(setImmediate);
    await removeRemains(this.#options.directories, this.uid, this.#sandbox?.address);
    await this.#sandbox?.ended;
    this.#claim.lock.close();
    this.#gone();
  }

  async #setUp(): Promise<void> {
    const { places } = this.#claim;
    const { directories, images } = this.#options;
    const writeRecord = (record: SandboxRecord) => writeJson(places.sandbox, record);
    const starting = runSandbox(
      {
        uid: this.uid,
        hostname: podHostname(this.pod),
        socket: places.socket,
        cgroup: places.cgroup,
        graceSeconds: this.pod.spec.terminationGracePeriodSeconds,
        onSupervisorLoss: 'stop',
      },
      writeRecord,
    );
    // While the kernel makes the network. Both are waited for, so that a failure of one leaves nothing of the other running.
    const [started, prepared] = await Promise.allSettled([starting, preparePod(this.pod, places)]);
    if (started.status === 'rejected') throw started.reason;
    const sandbox = started.value;
    this.#sandbox = sandbox;
    if (prepared.status === 'rejected') throw prepared.reason;
    writeRecord({ ...sandbox.identity, address: sandbox.address });
    sandbox.onExit = (exit) => this.#exited(exit);
    sandbox.connection.onClose = () => this.#sandboxGone();
    const emit = (event: LifecycleEvent) => this.#emit(event);
    const paths = preparePodFiles(this.pod, places, prepared.value, sandbox.address, emit);
    this.#context = {
      pod: this.pod,
      uid: this.uid,
      places,
      directories,
      sandbox,
      images,
      clock: this.#clock,
      paths,
      machine: prepared.value.machine,
      ending: this.#ending.signal,
      emit,
      onPull: (event) => this.#options.onPull?.(event),
    };
    this.#makeRunners(this.#context);
    this.#facts = {
      ...this.#facts,
      sandboxReady: true,
      address: sandbox.address,
      hostAddress: prepared.value.hostAddress,
    };
    this.#watcher = watchDeletion(places, (graceSeconds) => void this.remove(graceSeconds));
    this.#publish();
  }

  #makeRunners(context: PodContext): void {
    const { initContainers = [], containers, restartPolicy } = this.pod.spec;
    const changed = () => this.#publish();
    this.#init = initContainers.map((c) => new ContainerRunner(context, c, initRestartRule(restartPolicy), changed));
    this.#containers = containers.map((c) => new ContainerRunner(context, c, appRestartRule(restartPolicy), changed));
    for (const runner of [...this.#init, ...this.#containers]) runner.prefetch();
  }

  /** Init containers, containers, end. */
  async #run(): Promise<void> {
    const work = this.#runContainers();
    const terminated = new Promise<void>((resolve) => {
      this.#ending.signal.addEventListener('abort', () => {
        resolve(this.#termination.stop([...this.#init, ...this.#containers], work));
      });
    });
    let failure: unknown;
    try {
      await work;
    } catch (error) {
      failure = error;
      // What has started already is ended like any Pod: gracefully, by signals.
      this.terminate(this.pod.spec.terminationGracePeriodSeconds);
    }
    if (this.#ending.signal.aborted) await terminated;
    this.#finish(failure);
  }

  async #runContainers(): Promise<void> {
    for (const runner of this.#init) {
      const ended = await runner.run();
      if (ended?.exitCode !== 0 || this.#ending.signal.aborted) return;
    }
    const results = await Promise.allSettled(
      this.#containers.map((runner) =>
        runner.run().catch((error) => {
          this.terminate(this.pod.spec.terminationGracePeriodSeconds);
          throw error;
        }),
      ),
    );
    const rejected = results.find((result) => result.status === 'rejected');
    if (rejected) throw rejected.reason;
  }

  #finish(failure: unknown): void {
    const sandbox = this.#sandbox!;
    sandbox.connection.onClose = () => {};
    sandbox.connection.request('shutdown').catch(() => {});
    // Not waited for: its last steps take the kernel a while, in which the Pod's files can be removed.
    void sandbox.ended.then(() => sandbox.connection.close());
    this.#facts = { ...this.#facts, ended: true, sandboxReady: false };
    this.#publish();
    this.#record.update();
    if (failure === undefined || this.#facts.failure) this.#settle.resolve(podResult(this.#status));
    else this.#settle.reject(failure);
  }

  #exited(exit: ExitEvent): void {
    [...this.#init, ...this.#containers].find((runner) => runner.container.name === exit.container)?.exited(exit);
  }

  /** The sandbox was killed: its containers died with it, in the same moment, by the kernel. */
  #sandboxGone(): void {
    const message = 'the sandbox ended unexpectedly; its containers were killed with it';
    this.#facts = { ...this.#facts, failure: { reason: 'SandboxGone', message } };
    this.#termination.request(0);
    this.#ending.abort();
    const now = this.#clock.now().toISOString();
    for (const runner of [...this.#init, ...this.#containers]) runner.killed(now);
  }

  #emit(event: LifecycleEvent): void {
    this.#options.onEvent?.(event);
  }

  #publish(): void {
    const now = seconds(this.#clock.now());
    const init = this.#init.map((runner) => runner.status);
    const containers = this.#containers.map((runner) => runner.status);
    this.#status = podStatus(this.#facts, init, containers, this.#status.conditions, now);
    this.#options.onStatus?.(this.#status);
    this.#record.changed();
  }
}
