import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type PodEvent, type PodHandle, Podrun } from '../../src/index.js';
import type { PodrunOptions } from '../../src/podrun/api.js';

const project = fileURLToPath(new URL('../..', import.meta.url));

/** Why root tests can't run here, or false. */
export function rootSkip(): string | false {
  if (process.geteuid?.() !== 0) return 'needs root';
  if (!existsSync(join(project, 'build/Release/podrun-sandbox'))) return 'needs the native build';
  return false;
}

/** Image that needs no network: busybox, made from Debian's package. */
export const starter = 'podrun.local/starter';

/** Directories of a podrun of its own, on a tmpfs: the disk of a test machine may be slow in making files. */
export function privateDirectories(): {
  readonly root: string;
  readonly state: string;
  readonly logs: string;
  remove(): void;
} {
  const base = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'podrun-test-'));
  return {
    root: join(base, 'root'),
    state: join(base, 'state'),
    logs: join(base, 'logs'),
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
}

export type Directories = ReturnType<typeof privateDirectories>;

export async function openPodrun(directories: Directories, more: PodrunOptions = {}): Promise<Podrun> {
  ensureStarter();
  const { root, state, logs } = directories;
  return Podrun.open({ root, state, logs, ...more });
}

export function ensureStarter(): void {
  if (existsSync(join(project, 'rootfs-cache/starter/index.json'))) return;
  execFileSync(process.execPath, [join(project, 'rootfs-cache/build.mjs')], { stdio: 'ignore' });
}

interface ContainerText {
  readonly name?: string;
  readonly command: readonly string[];
  readonly [field: string]: unknown;
}

/** A Pod as an object of the API; containers default to the starter image, restartPolicy to Never. */
export function podOf(name: string, containers: readonly ContainerText[], spec: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 5,
      containers: containers.map((container, index) => ({ name: `c${index}`, image: starter, ...container })),
      ...spec,
    },
  };
}

export const sh = (script: string) => ['sh', '-c', script];

export interface Ended {
  readonly exitCode: number;
  readonly reason: string | undefined;
  readonly output: string;
  readonly events: readonly PodEvent[];
  readonly handle: PodHandle;
}

/** Runs a Pod to its end and removes it; the output is that of all containers, in the order of their lines. */
export async function runToEnd(podrun: Podrun, pod: object): Promise<Ended> {
  const events: PodEvent[] = [];
  const handle = await podrun.run(pod, { onEvent: (event) => events.push(event) });
  try {
    const output = outputOf(handle);
    const result = await handle.wait();
    return { exitCode: result.exitCode, reason: result.reason, output: await output, events, handle };
  } finally {
    await handle.delete({ force: true, gracePeriodSeconds: 0 });
  }
}

export async function outputOf(handle: PodHandle, container?: string): Promise<string> {
  let text = '';
  const options = { follow: true, fromStart: true, ...(container === undefined ? {} : { container }) };
  for await (const line of handle.logs(options)) text += `${line.text}${line.partial ? '' : '\n'}`;
  return text;
}

/** Resolves when `test` holds for the Pod's status; asked at each change, not by time. */
export async function untilStatus(
  podrun: Podrun,
  pod: object,
  test: (handle: PodHandle) => boolean,
): Promise<PodHandle> {
  let check = () => {};
  const handle = await podrun.run(pod, { onEvent: (event) => event.type === 'status' && check() });
  await new Promise<void>((resolve, reject) => {
    check = () => test(handle) && resolve();
    check();
    handle
      .wait()
      .then(
        () => (test(handle) ? resolve() : reject(new Error(`Pod ended: ${JSON.stringify(handle.status)}`))),
        reject,
      );
  });
  return handle;
}

export const isRunning = (handle: PodHandle) =>
  handle.status.phase === 'Running' && handle.status.containerStatuses.every((c) => c.ready);
