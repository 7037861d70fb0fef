import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import type { Context, ProcessLike } from '../../src/cli/command.js';
import { main } from '../../src/cli/main.js';
import { commands } from '../../src/cli/table.js';
import { PodrunError } from '../../src/errors.js';
import type { Images } from '../../src/images/manage/types.js';
import type { PodResult } from '../../src/pod/result.js';
import type { ContainerState, PodStatus } from '../../src/pod/status.js';
import type {
  DeleteOptions,
  LogLine,
  PodHandle,
  PodrunApi,
  PodrunOptions,
  PodSource,
  RunOptions,
} from '../../src/podrun/api.js';

export const commandNames = commands.map(({ name }) => name);

/** A process whose streams are kept as text. */
export class FakeProcess extends EventEmitter {
  readonly stdin = new PassThrough() as unknown as ProcessLike['stdin'];
  readonly stdout = new PassThrough() as unknown as ProcessLike['stdout'];
  readonly stderr = new PassThrough() as unknown as ProcessLike['stderr'];
  readonly env: Record<string, string> = {};
  out = '';
  err = '';

  constructor() {
    super();
    this.stdout.on('data', (chunk: Buffer) => {
      this.out += chunk.toString();
    });
    this.stderr.on('data', (chunk: Buffer) => {
      this.err += chunk.toString();
    });
  }
}

export function containerStatus(name: string, state: ContainerState, more: object = {}) {
  const ready = state.running !== undefined;
  return { name, image: 'i', imageID: 'i', ready, started: ready, restartCount: 0, state, lastState: {}, ...more };
}

export function podStatus(
  phase: PodStatus['phase'],
  containers: Readonly<Record<string, ContainerState>>,
  more: Partial<PodStatus> = {},
): PodStatus {
  return {
    phase,
    conditions: [],
    qosClass: 'BestEffort',
    containerStatuses: Object.entries(containers).map(([name, state]) => containerStatus(name, state)),
    ...more,
  };
}

export interface FakePod {
  readonly name: string;
  readonly namespace?: string;
  readonly containers?: readonly string[];
  readonly lines?: readonly LogLine[];
  readonly status?: PodStatus;
  readonly result?: PodResult;
  /** Goes on until it is deleted. */
  readonly endless?: boolean;
  readonly exec?: PodHandle['exec'];
  readonly metadata?: object;
}

export class FakeHandle implements PodHandle {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly deletions: (DeleteOptions | undefined)[] = [];
  readonly #pod: FakePod;
  readonly #ended: Promise<PodResult>;
  #end: (result: PodResult) => void = () => undefined;

  constructor(pod: FakePod) {
    this.#pod = pod;
    this.name = pod.name;
    this.namespace = pod.namespace ?? 'default';
    this.uid = `uid-${pod.name}`;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    if (!pod.endless) this.#end(pod.result ?? { phase: 'Succeeded', exitCode: 0 });
  }

  get status(): PodStatus {
    return this.#pod.status ?? podStatus('Running', { app: { running: { startedAt: '2026-01-01T00:00:00Z' } } });
  }

  toJSON(): object {
    const containers = (this.#pod.containers ?? ['app']).map((name) => ({ name, image: 'i' }));
    const metadata = { name: this.name, namespace: this.namespace, uid: this.uid, ...this.#pod.metadata };
    return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers }, status: this.status };
  }

  wait(): Promise<PodResult> {
    return this.#ended;
  }

  async *logs(_options?: object): AsyncIterable<LogLine> {
    yield* this.#pod.lines ?? [];
    await this.#ended;
  }

  exec(...args: Parameters<PodHandle['exec']>): ReturnType<PodHandle['exec']> {
    if (!this.#pod.exec) throw new Error('no exec');
    return this.#pod.exec(...args);
  }

  async delete(options?: DeleteOptions): Promise<void> {
    this.deletions.push(options);
    if (this.#pod.endless !== true || options?.force || !this.name.startsWith('stubborn')) {
      this.#end({ phase: 'Failed', exitCode: 143, container: 'app', reason: 'Error' });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** An embedding API whose Pods are made up, to see what the command line makes of them. */
export class FakePodrun implements PodrunApi {
  readonly handles: readonly FakeHandle[];
  readonly sources: PodSource[] = [];
  opened: PodrunOptions | undefined;
  runOptions: RunOptions | undefined;
  closed = false;
  readonly images = {} as Images;

  constructor(
    pods: readonly FakePod[],
    private readonly onRun: (options: RunOptions) => void = () => undefined,
  ) {
    this.handles = pods.map((pod) => new FakeHandle(pod));
  }

  async run(source: PodSource, options: RunOptions = {}): Promise<PodHandle> {
    return (await this.runAll(source, options))[0]!;
  }

  async runAll(source: PodSource, options: RunOptions = {}): Promise<readonly PodHandle[]> {
    this.sources.push(source);
    this.runOptions = options;
    this.onRun(options);
    return this.handles;
  }

  async pods(): Promise<readonly PodHandle[]> {
    return this.handles;
  }

  async pod(name: string): Promise<PodHandle> {
    const handle = this.handles.find((candidate) => candidate.name === name);
    if (!handle) throw new PodrunError('ERR_PODRUN_POD_NOT_FOUND', `no pod "${name}" in namespace "default"`);
    return handle;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOn {
  readonly podrun?: FakePodrun;
  readonly process?: FakeProcess;
}

/** Lets everything else go on until something is the case. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 10_000) throw new Error('it never came to that');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Runs one command line to its end. */
export async function podrun(
  argv: readonly string[],
  { podrun = new FakePodrun([]), process = new FakeProcess() }: RunOn = {},
): Promise<Run> {
  const context: Context = {
    process,
    open: async (options) => {
      podrun.opened = options;
      return podrun;
    },
  };
  const code = await main(argv, context);
  // What has been written last arrives at the listeners above in a later turn.
  await new Promise((resolve) => setImmediate(resolve));
  return { code, out: process.out, err: process.err };
}

export function line(container: string, text: string, more: Partial<LogLine> = {}): LogLine {
  return {
    container,
    time: '2026-01-01T00:00:00.000000000Z',
    stream: 'stdout',
    text: Buffer.from(text),
    partial: false,
    ...more,
  };
}
