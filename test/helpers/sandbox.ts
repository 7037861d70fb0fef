/** A podrun-sandbox by itself, driven over its own protocol, and busybox as the image of its containers. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Test } from 'tap';
import type { CgroupLimits, CreatedCgroup, StartedSandbox } from '../../native/addon/addon.js';
import { sandboxBinary } from '../../src/paths.js';
import type { OciConfig, OciMount, OciProcess } from '../../src/plan/oci.js';
import { maskedPaths, readonlyPaths } from '../../src/plan/security.js';
import {
  type ExitEvent,
  SandboxConnection,
  type SandboxFailure,
  SandboxRequestError,
} from '../../src/runtime/connection.js';
import { addon, skipWithoutRoot } from './addon.js';
import { configOf } from './sandbox-config.js';

const binary = process.env['PODRUN_TEST_SANDBOX'] ?? sandboxBinary;

export const skipSandbox = skipWithoutRoot || (!existsSync(binary) && `needs the native build: ${binary}`);

export interface RunOptions {
  readonly attempt?: number;
  readonly limits?: CgroupLimits;
  readonly process?: Partial<OciProcess>;
  readonly mounts?: readonly OciMount[];
  readonly readOnlyRoot?: boolean;
  /** Layers over busybox, topmost first. */
  readonly layers?: readonly string[];
  readonly request?: object;
  readonly edit?: (config: OciConfig) => object;
}

export interface Ended extends ExitEvent {
  /** The log as it is. */
  readonly log: string;
  /** Its text without the records' heads. */
  readonly output: string;
  readonly bundle: string;
}

export const sh = (script: string) => ['sh', '-c', script];

export class TestSandbox {
  static #count = 0;
  readonly directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'podrun-test-sandbox-'));
  readonly cgroup = `podrun-test-sandbox-${process.pid}-${TestSandbox.#count++}`;
  readonly started: StartedSandbox;
  readonly connection: SandboxConnection;
  readonly #exits: ExitEvent[] = [];
  #onExit = () => {};
  #starts = 0;
  private constructor() {
    const { unified } = addon().cgroupCreate({ path: `${this.cgroup}/sandbox` });
    this.started = addon().startSandbox({ binary, cgroup: unified });
    this.connection = SandboxConnection.fromFd(this.started.controlFd);
    this.connection.onEvent = (event) => {
      if (event.event !== 'exit') return;
      this.#exits.push(event);
      this.#onExit();
    };
  }

  /** Started and initialised; gone with all that is its own when the test has ended. */
  static async open(t: Test, options: object = {}): Promise<TestSandbox> {
    const sandbox = new TestSandbox();
    t.teardown(() => sandbox.remove());
    await sandbox.connection.request('init', {
      hostname: 'web',
      socket: sandbox.socket,
      onSupervisorLoss: 'stop',
      graceSeconds: 1,
      shmSizeBytes: 1 << 20,
      ...options,
    });
    return sandbox;
  }

  get pid(): number {
    return this.started.pid;
  }
  get socket(): string {
    return join(this.directory, 'sandbox.sock');
  }

  /** The image: made once for each sandbox. */
  get busybox(): string {
    const root = join(this.directory, 'busybox');
    if (existsSync(root)) return root;
    for (const name of ['bin', 'etc', 'tmp', 'root']) mkdirSync(join(root, name), { recursive: true });
    copyFileSync(existsSync('/bin/busybox') ? '/bin/busybox' : '/usr/bin/busybox', join(root, 'bin/busybox'));
    for (const name of applets) symlinkSync('busybox', join(root, 'bin', name));
    return root;
  }

  /** A directory to be a layer, filled by `fill`. */
  layer(fill: (root: string) => void): string {
    const root = mkdtempSync(join(this.directory, 'layer-'));
    fill(root);
    return root;
  }

  request(name: string, args: readonly string[], options: RunOptions = {}) {
    const { attempt = 0, limits = {} } = options;
    const bundle = join(this.directory, 'bundles', `${name}-${this.#starts++}`);
    const log = this.logFile(name, attempt);
    for (const path of ['upper', 'work']) mkdirSync(join(bundle, path), { recursive: true });
    mkdirSync(dirname(log), { recursive: true });
    const config = configOf(args, join(this.directory, 'shm'), { maskedPaths: maskedPaths(1), readonlyPaths }, options);
    writeFileSync(join(bundle, 'config.json'), JSON.stringify(options.edit ? options.edit(config) : config));
    const cgroup: CreatedCgroup = addon().cgroupCreate({ path: `${this.cgroup}/${name}`, limits });
    return {
      ...{ container: name, attempt, bundle, log, logMaxBytes: 10 << 20, logMaxFiles: 5, cgroup, stopSignal: 15 },
      rootfs: {
        lowerdirs: [...(options.layers ?? []), this.busybox],
        upperdir: join(bundle, 'upper'),
        workdir: join(bundle, 'work'),
      },
      ...options.request,
    };
  }

  start(name: string, args: readonly string[], options: RunOptions = {}): Promise<{ pid: number; startedAt: string }> {
    return this.connection.request('start', this.request(name, args, options));
  }

  /** The failure of a start that has to fail. */
  async refusal(args: readonly string[], options: RunOptions = {}): Promise<SandboxFailure> {
    return this.start('refused', args, options).then(
      () => Promise.reject(new Error('it was started')),
      (error) => (error instanceof SandboxRequestError ? error.failure : Promise.reject(error)),
    );
  }

  async run(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    const name = `c${this.#starts}`;
    const request = this.request(name, args, options);
    await this.connection.request('start', request);
    const exit = await this.exit(name);
    const log = readFileSync(request.log, 'utf8');
    return { ...exit, log, output: textOf(log), bundle: request.bundle };
  }

  /** Resolves when the current log of a container holds `text`; its directory tells of changes. */
  said(name: string, text: string): Promise<void> {
    const log = this.logFile(name);
    return new Promise((resolve) => {
      const check = () => {
        if (!readFileSync(log, 'utf8').includes(text)) return;
        watcher.close();
        resolve();
      };
      const watcher = watch(dirname(log), check);
      check();
    });
  }

  logFile(name: string, attempt = 0): string {
    return join(this.directory, 'logs', name, `${attempt}.log`);
  }

  /** Output of a shell script in a container of its own. */
  async output(script: string, options: RunOptions = {}): Promise<string> {
    return (await this.run(sh(script), options)).output;
  }

  /** The exit event of a container, come or to come. */
  async exit(name: string): Promise<ExitEvent> {
    for (;;) {
      const index = this.#exits.findIndex((event) => event.container === name);
      if (index >= 0) return this.#exits.splice(index, 1)[0]!;
      await new Promise<void>((resolve) => {
        this.#onExit = resolve;
      });
    }
  }

  /** Resolves with the exit status of the sandbox process. */
  ended(): Promise<{ readonly exitCode: number | null; readonly signal: number | null }> {
    return this.started.process.wait();
  }

  /** What the sandbox has open, in the order of its descriptors; it may be closing some meanwhile. */
  descriptors(): readonly string[] {
    const directory = `/proc/${this.pid}/fd`;
    const fds = readdirSync(directory).sort((a, b) => Number(a) - Number(b));
    return fds.flatMap((fd) => {
      try {
        return [readlinkSync(join(directory, fd))];
      } catch {
        return [];
      }
    });
  }

  async remove(): Promise<void> {
    this.started.process.signal(9);
    this.connection.close();
    addon().cgroupKill(this.cgroup);
    await addon().cgroupRemove(this.cgroup);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const applets = (
  'sh cat cp cut chmod dd echo env false find grep head hostname id kill ln ls mkdir mknod mount ps pwd readlink rm sed seq ' +
  'sleep sort stat stty tail test touch tr true tty umount uname wc yes'
).split(' ');

/** Text of CRI log lines; partial records are joined. */
export function textOf(log: string): string {
  return log.replace(/^\S+ std(?:out|err) ([FP]) (.*)\n/gm, (_, kind, text) => (kind === 'F' ? `${text}\n` : text));
}

/** Whether a process runs: a zombie does not. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !'ZX'.includes(stat[stat.lastIndexOf(')') + 2]!);
  } catch {
    return false;
  }
}
