import { type Clock, systemClock } from '../clock.js';
import type { Job, Pod } from '../manifest/pod.js';
import type { PodResult } from '../pod/result.js';
import type { PodStatus } from '../pod/status.js';
import type { PodSupervisor } from '../pod/supervisor.js';

/** Starts one Pod; `onStatus` is told of every change of it. */
export type StartPod = (pod: Pod, onStatus: (status: PodStatus) => void) => Promise<PodSupervisor>;

/** Back-off between the Pods of a Job: 10 s doubling to 6 minutes (D: concepts/workloads/controllers/job). */
const retryDelayMs = (failures: number) => Math.min(360_000, 10_000 * 2 ** (failures - 1));

const suffixAlphabet = 'bcdfghjklmnpqrstvwxz2456789';

/**
 * A Job with one completion: its Pod, and after a failure (restartPolicy Never) another one, until one succeeds or
 * `backoffLimit` is exceeded. With OnFailure the container is restarted in its Pod, and the restarts count.
 */
export class JobController {
  readonly job: Job;
  readonly uid: string;
  readonly #start: StartPod;
  readonly #clock: Clock;
  readonly #ending = new AbortController();
  #current!: PodSupervisor;
  #onPod: (pod: PodSupervisor | undefined) => void = () => {};
  /** Of the last Pod; `reason` is BackoffLimitExceeded when the Job gave up. */
  readonly result: Promise<PodResult>;

  private constructor(
    job: Job,
    uid: string,
    start: StartPod,
    clock: Clock,
    first: (self: JobController) => Promise<PodSupervisor>,
  ) {
    this.job = job;
    this.uid = uid;
    this.#start = start;
    this.#clock = clock;
    this.#ready = first(this);
    this.result = this.#ready.then((pod) => this.#run(pod));
    this.result.catch(() => {});
  }

  readonly #ready: Promise<PodSupervisor>;

  /** @throws what starting the first Pod throws */
  static async start(job: Job, uid: string, start: StartPod, clock: Clock = systemClock): Promise<JobController> {
    const controller = new JobController(job, uid, start, clock, (self) => self.#startPod());
    await controller.#ready;
    return controller;
  }

  get current(): PodSupervisor {
    return this.#current;
  }

  /** The Pods of this Job one after the other, beginning with the current one. */
  async *pods(): AsyncGenerator<PodSupervisor> {
    let next: PodSupervisor | undefined = this.#current;
    while (next) {
      const following = new Promise<PodSupervisor | undefined>((resolve) => {
        const before = this.#onPod;
        this.#onPod = (pod) => {
          before(pod);
          resolve(pod);
        };
      });
      yield next;
      next = await following;
    }
  }

  async remove(graceSeconds: number): Promise<void> {
    this.#ending.abort();
    await this.#current.remove(graceSeconds);
    await this.result.catch(() => {});
  }

  async #run(first: PodSupervisor): Promise<PodResult> {
    try {
      for (let pod = first, failures = 0; ; pod = await this.#startPod()) {
        const result = await pod.result;
        if (result.phase === 'Succeeded' || this.#ending.signal.aborted) return result;
        failures++;
        if (this.#usesRestarts || failures > this.job.spec.backoffLimit) return { ...result, ...exceeded(this.job) };
        await pod.remove();
        const interrupted = await this.#clock.sleep(retryDelayMs(failures), this.#ending.signal).then(
          () => false,
          () => true,
        );
        if (interrupted) return result;
      }
    } finally {
      this.#onPod(undefined);
    }
  }

  get #usesRestarts(): boolean {
    return this.job.spec.template.spec.restartPolicy === 'OnFailure';
  }

  async #startPod(): Promise<PodSupervisor> {
    this.#current = await this.#start(jobPod(this.job, this.uid), (status) => this.#count(status));
    this.#onPod(this.#current);
    return this.#current;
  }

  /** The Job controller's rule for OnFailure: restarts of all containers reach the limit (with a limit of 0: exceed it). */
  #count(status: PodStatus): void {
    if (!this.#usesRestarts) return;
    const all = [...(status.initContainerStatuses ?? []), ...status.containerStatuses];
    const restarts = all.reduce((sum, container) => sum + container.restartCount, 0);
    if (restarts > 0 && restarts >= this.job.spec.backoffLimit) {
      this.#current.terminate(this.job.spec.template.spec.terminationGracePeriodSeconds);
    }
  }
}

function exceeded(job: Job): Pick<PodResult, 'reason' | 'message'> {
  return {
    reason: 'BackoffLimitExceeded',
    message: `Job "${job.metadata.name}" has reached its backoffLimit of ${job.spec.backoffLimit}`,
  };
}

/** The Pod of a Job's template: its own random name, the Job's labels, owned by the Job. */
export function jobPod(job: Job, uid: string): Pod {
  const { template } = job.spec;
  const labels = {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': job.metadata.name,
    'controller-uid': uid,
    'job-name': job.metadata.name,
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${job.metadata.name}-${randomSuffix()}`,
      generateName: `${job.metadata.name}-`,
      namespace: job.metadata.namespace,
      labels: { ...template.metadata.labels, ...labels },
      ...(template.metadata.annotations ? { annotations: template.metadata.annotations } : {}),
      ownerReferences: [
        {
          apiVersion: 'batch/v1',
          kind: 'Job',
          name: job.metadata.name,
          uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: template.spec,
  };
}

/** Five characters without vowels, as the API server makes names. */
export function randomSuffix(): string {
  const pick = () => suffixAlphabet[Math.floor(Math.random() * suffixAlphabet.length)];
  return Array.from({ length: 5 }, pick).join('');
}
