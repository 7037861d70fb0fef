import { rmSync } from 'node:fs';
import { type ErrorCode, PodrunError } from '../errors.js';
import type { Image } from '../images/image.js';
import { takeLease } from '../images/leases.js';
import { readImageFile } from '../images/users.js';
import type { Container } from '../manifest/pod.js';
import { native } from '../native.js';
import { planContainer } from '../plan/container.js';
import type { ExitEvent } from '../runtime/connection.js';
import { startContainer } from '../runtime/container.js';
import { bundle, logFile, writableLayer } from '../state/pod-paths.js';
import { backOffDelayMs, nextRestartsInRow } from './backoff.js';
import { fromExit, initialStatus, running, seconds, terminated, waiting } from './container-status.js';
import type { PodContext } from './context.js';
import type { ContainerStatus, ContainerTerminated } from './status.js';

/** Errors that are of the program, not of podrun or the machine. */
const attemptErrors: ReadonlySet<ErrorCode> = new Set([
  'ERR_PODRUN_COMMAND_NOT_FOUND',
  'ERR_PODRUN_COMMAND_NOT_EXECUTABLE',
  'ERR_PODRUN_START',
]);

/** The kubelet's word for why a container waits for its image. */
function imageReason(error: unknown): string {
  const code = error instanceof PodrunError ? error.code : undefined;
  if (code === 'ERR_PODRUN_IMAGE_NAME') return 'InvalidImageName';
  return code === 'ERR_PODRUN_IMAGE_NEVER_PULL' ? 'ErrImageNeverPull' : 'ErrImagePull';
}

/** While the next attempt is waited for; what no registry is asked for is no pull to back off from. */
function backOffReason(error: unknown): string {
  const reason = imageReason(error);
  return reason === 'ErrImagePull' ? 'ImagePullBackOff' : reason;
}

/** Whether a container that ended so is started again. */
export type RestartRule = (ended: ContainerTerminated) => boolean;

/**
 * One container of a Pod over all its attempts: image, start, exit, restart with back-off. Knows nothing of the other
 * containers; `run` resolves when it will not start again, `status` says at any time where it stands.
 */
export class ContainerRunner {
  readonly container: Container;
  readonly #context: PodContext;
  readonly #restart: RestartRule;
  readonly #onChange: () => void;
  #status: ContainerStatus;
  #attempt = 0;
  #onExit: ((exit: ExitEvent) => void) | undefined;
  #stopSignal = 15;
  #image: Promise<Image> | undefined;
  /** The layers that the Pod has a lease on for this container. */
  #leased = '';

  constructor(context: PodContext, container: Container, restart: RestartRule, onChange: () => void) {
    this.container = container;
    this.#context = context;
    this.#restart = restart;
    this.#onChange = onChange;
    this.#status = initialStatus(container, (context.pod.spec.initContainers?.length ?? 0) > 0);
  }

  get status(): ContainerStatus {
    return this.#status;
  }

  get isRunning(): boolean {
    return this.#status.state.running !== undefined;
  }

  /** Begins to pull the image before the container's turn has come. Errors show when its turn comes. */
  prefetch(): void {
    this.#image ??= this.#resolveImage();
    this.#image.catch(() => {});
  }

  /** The sandbox's word that the current attempt has ended. */
  exited(exit: ExitEvent): void {
    if (exit.attempt === this.#attempt) this.#onExit?.(exit);
  }

  /** The sandbox died, and this container with it. */
  killed(finishedAt: string): void {
    const startedAt = this.#status.state.running?.startedAt ?? finishedAt;
    const exit = {
      event: 'exit',
      container: this.container.name,
      exitCode: 137,
      signal: 9,
      oomKilled: false,
      lostLogBytes: 0,
      pid: 0,
    } as const;
    this.#onExit?.({ ...exit, attempt: this.#attempt, startedAt, finishedAt });
  }

  /**
   * Runs attempts until one ends that is not to be repeated, or the Pod is told to end.
   * @returns the last state, or undefined when it never started
   * @throws the image's error when it can't be had for the first attempt
   */
  async run(): Promise<ContainerTerminated | undefined> {
    let restartsInRow = 0;
    for (;;) {
      const before = this.#context.clock.monotonicMs();
      const ended = await this.#attemptOnce();
      if (ended === undefined || this.#context.ending.aborted || !this.#restart(ended)) return ended;
      const delayMs = backOffDelayMs(restartsInRow);
      restartsInRow = nextRestartsInRow(restartsInRow, this.#context.clock.monotonicMs() - before);
      if (!(await this.#backOff(delayMs, ended))) return ended;
      const old = this.#attempt++;
      await this.#removeAttempt(old);
    }
  }

  /** Sends the container's stop signal to its main process. */
  async signal(kill: boolean): Promise<void> {
    const params = kill ? { signal: 9, all: true } : { signal: this.#stopSignal };
    try {
      await this.#context.sandbox.connection.request('signal', { container: this.container.name, ...params });
    } catch (error) {
      if (!(error instanceof PodrunError && error.code === 'ERR_PODRUN_SANDBOX_GONE')) throw error;
    }
  }

  async #attemptOnce(): Promise<ContainerTerminated | undefined> {
    const image = await this.#obtainImage();
    if (image === undefined || this.#context.ending.aborted) return undefined;
    const exit = new Promise<ExitEvent>((resolve) => {
      this.#onExit = resolve;
    });
    const containerID = `podrun://${this.#context.uid}/${this.container.name}/${this.#attempt}`;
    try {
      await this.#start(image, containerID);
    } catch (error) {
      return this.#failedToStart(error);
    }
    if (this.#context.ending.aborted) await this.signal(false);
    const ended = await exit;
    const state = fromExit(ended, containerID);
    if (ended.lostLogBytes > 0) {
      const place = this.#context.directories.logs;
      const message = `${ended.lostLogBytes} bytes of the log of container "${this.container.name}" were lost: no space below ${place}`;
      this.#emit('LogLost', message);
    }
    if (state.reason === 'OOMKilled') {
      this.#emit('OOMKilling', `container "${this.container.name}" used more memory than its limit and was killed`);
    }
    this.#set(terminated(this.#status, state));
    return state;
  }

  async #start(image: Image, containerID: string): Promise<void> {
    const { places, directories, sandbox, pod, paths, machine } = this.#context;
    const { name } = this.container;
    const layer = writableLayer(places, name, this.#attempt);
    const cgroup = `${places.cgroup}/${name}.${this.#attempt}`;
    const plan = planContainer({
      pod,
      container: this.container,
      image: image.config,
      users: { passwd: readImageFile(image.lowerdirs, 'passwd'), group: readImageFile(image.lowerdirs, 'group') },
      paths: { ...paths, cgroup },
      machine,
    });
    this.#stopSignal = plan.stopSignal;
    const started = await startContainer(sandbox.connection, {
      name,
      attempt: this.#attempt,
      plan,
      lowerdirs: image.lowerdirs,
      ...layer,
      bundle: bundle(places, name, this.#attempt),
      log: logFile(places, name, this.#attempt),
      cgroup,
      seccompDirectory: `${directories.root}/seccomp`,
    });
    const imageID = `${image.reference.replace(/[:@][^/]*$/, '')}@${image.manifestDigest}`;
    const { startedAt } = started;
    this.#set(
      running(this.#status, { image: image.reference, imageID, containerID, startedAt, attempt: this.#attempt }),
    );
    this.#emit('Started', `started container "${name}"`);
  }

  /**
   * A program that can't be run counts as an attempt that ended with 126, 127 or 128, as under the kubelet. What another
   * attempt would not mend (a limit that can't be enforced, a user that isn't there) fails the Pod.
   */
  #failedToStart(error: unknown): ContainerTerminated {
    if (!(error instanceof PodrunError) || !attemptErrors.has(error.code)) {
      const message = error instanceof Error ? error.message : String(error);
      this.#set(waiting(this.#status, 'CreateContainerError', message));
      throw error;
    }
    const now = seconds(this.#context.clock.now());
    const state: ContainerTerminated = {
      exitCode: error.exitCode ?? 128,
      reason: 'StartError',
      message: error.message,
      startedAt: now,
      finishedAt: now,
    };
    this.#emit('Failed', error.message);
    this.#set(terminated(this.#status, state));
    return state;
  }

  /** For the first attempt an image that can't be had ends the Pod; later the old one has run, so it is tried again. */
  async #obtainImage(): Promise<Image | undefined> {
    for (let failures = 0; ; failures++) {
      try {
        return await this.#leasedImage();
      } catch (error) {
        if (this.#context.ending.aborted) return undefined;
        const message = error instanceof Error ? error.message : String(error);
        this.#set(waiting(this.#status, imageReason(error), message));
        // The first attempt's fails the Pod, which says it.
        if (this.#attempt === 0) throw error;
        this.#emit('Failed', message);
        if (!(await this.#wait(backOffDelayMs(failures + 1), backOffReason(error), message))) return undefined;
      }
    }
  }

  /** From here on the image's layers are not taken away; what was taken at this very moment is pulled again. */
  async #leasedImage(): Promise<Image> {
    for (;;) {
      const resolving = this.#image ?? this.#resolveImage();
      this.#image = undefined;
      const image = await resolving;
      if (image.lowerdirs.join() === this.#leased || takeLease(this.#context.places.disk, image)) {
        this.#leased = image.lowerdirs.join();
        return image;
      }
    }
  }

  #resolveImage(): Promise<Image> {
    const { images, ending, onPull } = this.#context;
    return images.resolve(this.container.image, {
      policy: this.container.imagePullPolicy,
      signal: ending,
      onEvent: onPull,
    });
  }

  async #backOff(delayMs: number, ended: ContainerTerminated): Promise<boolean> {
    if (delayMs === 0) return true;
    const message = `back-off ${delayMs / 1000}s restarting container "${this.container.name}" (ended with ${ended.exitCode})`;
    this.#emit('BackOff', message);
    return this.#wait(delayMs, 'CrashLoopBackOff', message);
  }

  /** False when the Pod was told to end meanwhile. */
  async #wait(delayMs: number, reason: string, message: string): Promise<boolean> {
    this.#set(waiting(this.#status, reason, message));
    try {
      await this.#context.clock.sleep(delayMs, this.#context.ending);
      return true;
    } catch {
      return false;
    }
  }

  /** The writable layer goes with the attempt; the log of the last one stays for `logs`. */
  async #removeAttempt(attempt: number): Promise<void> {
    const { places } = this.#context;
    const { name } = this.container;
    await native().cgroupRemove(`${places.cgroup}/${name}.${attempt}`);
    await native().removeTree(`${places.disk}/containers/${name}/${attempt}`);
    await native().removeTree(bundle(places, name, attempt));
    if (attempt > 0) rmSync(logFile(places, name, attempt - 1), { force: true });
  }

  #emit(reason: 'Started' | 'Failed' | 'BackOff' | 'OOMKilling' | 'LogLost', message: string): void {
    const level = reason === 'Started' ? 'Normal' : 'Warning';
    this.#context.emit({ level, reason, message, container: this.container.name });
  }

  #set(status: ContainerStatus): void {
    this.#status = status;
    this.#onChange();
  }
}
