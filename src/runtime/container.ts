import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import type { CreatedCgroup } from '../../native/addon/addon.js';
import { errnoCode, PodrunError } from '../errors.js';
import { native } from '../native.js';
import type { ContainerPlan } from '../plan/plan.js';
import { type SandboxConnection, type SandboxFailure, SandboxRequestError } from './connection.js';
import { seccompProgram } from './seccomp-cache.js';

export interface ContainerStart {
  readonly name: string;
  readonly attempt: number;
  readonly plan: ContainerPlan;
  /** Read-only overlay lower directories, topmost first. */
  readonly lowerdirs: readonly string[];
  /** Writable layer: both made here. */
  readonly upper: string;
  readonly work: string;
  /** Bundle directory: made here. */
  readonly bundle: string;
  /** Log file: its directory is made here. */
  readonly log: string;
  readonly cgroup: string;
  /** Directory of compiled seccomp programs. */
  readonly seccompDirectory: string;
}

export interface StartedContainer {
  readonly pid: number;
  readonly startedAt: string;
}

const logMaxBytes = 10 * 1024 * 1024;
const logMaxFiles = 5;

/**
 * CreateContainer and StartContainer in one: resolves when the program has been exec'd.
 * @throws ERR_PODRUN_COMMAND_NOT_FOUND, ERR_PODRUN_COMMAND_NOT_EXECUTABLE, ERR_PODRUN_START, ERR_PODRUN_LIMIT, ERR_PODRUN_SANDBOX_GONE
 */
export async function startContainer(connection: SandboxConnection, start: ContainerStart): Promise<StartedContainer> {
  const cgroup = createCgroup(start);
  const seccompBpf = await seccompProgram(start.seccompDirectory, start.plan.seccomp);
  makeDirectories(start);
  writeBundle(start);
  try {
    return await connection.request<StartedContainer>('start', {
      container: start.name,
      attempt: start.attempt,
      bundle: start.bundle,
      rootfs: { lowerdirs: start.lowerdirs, upperdir: start.upper, workdir: start.work },
      log: start.log,
      logMaxBytes,
      logMaxFiles,
      cgroup,
      ...(seccompBpf === null ? {} : { seccompBpf }),
      stopSignal: start.plan.stopSignal,
    });
  } catch (error) {
    throw error instanceof SandboxRequestError ? startError(start, error.failure) : error;
  }
}

function createCgroup(start: ContainerStart): CreatedCgroup {
  try {
    return native().cgroupCreate({ path: start.cgroup, limits: start.plan.limits });
  } catch (cause) {
    const { path, syscall } = cause as { path?: string; syscall?: string };
    if (errnoCode(cause) === 'ENOTSUP') {
      throw new PodrunError(
        'ERR_PODRUN_LIMIT',
        `this machine can't enforce a ${path} limit: it has no ${path} cgroup controller`,
        {
          cause,
          container: start.name,
          hint: `enable the controller (kernel command line, see docs/security.md) or remove the limit`,
        },
      );
    }
    throw new PodrunError(
      'ERR_PODRUN_CGROUP',
      `cannot make the cgroup of container "${start.name}": ${(cause as Error).message}`,
      {
        cause,
        path,
        syscall,
        container: start.name,
      },
    );
  }
}

function makeDirectories(start: ContainerStart): void {
  try {
    for (const directory of [start.bundle, start.work]) mkdirSync(directory, { recursive: true, mode: 0o700 });
    // The upper directory becomes the container's "/": as in an image, everybody may pass.
    mkdirSync(start.upper);
    // In two steps, since mkdir's mode is cut by the umask.
    chmodSync(start.upper, 0o755);
    mkdirSync(dirname(start.log), { recursive: true, mode: 0o755 });
  } catch (cause) {
    const path = (cause as { path?: string }).path;
    throw new PodrunError('ERR_PODRUN_STATE', `cannot make ${path}: ${errnoCode(cause) ?? cause}`, { cause, path });
  }
}

function writeBundle(start: ContainerStart): void {
  const path = join(start.bundle, 'config.json');
  try {
    writeFileSync(path, JSON.stringify(start.plan.config), { mode: 0o600 });
  } catch (cause) {
    throw new PodrunError('ERR_PODRUN_STATE', `cannot write ${path}: ${errnoCode(cause) ?? cause}`, { cause, path });
  }
}

function startError(start: ContainerStart, failure: SandboxFailure): PodrunError {
  const details = {
    container: start.name,
    path: failure.path,
    syscall: failure.syscall,
    errno: failure.errno,
    exitCode: failure.exitCode,
  };
  const program = failure.path ?? start.plan.config.process.args[0] ?? '';
  if (failure.exitCode === 127) {
    return new PodrunError(
      'ERR_PODRUN_COMMAND_NOT_FOUND',
      `container "${start.name}": ${program}: ${failure.message ?? 'not found in the image'}`,
      details,
    );
  }
  if (failure.exitCode === 126) {
    const reason = reasonOf(failure) ?? 'cannot be executed';
    return new PodrunError(
      'ERR_PODRUN_COMMAND_NOT_EXECUTABLE',
      `container "${start.name}": ${program}: ${reason}`,
      details,
    );
  }
  return new PodrunError(
    'ERR_PODRUN_START',
    `cannot start container "${start.name}": ${describeFailure(failure)}`,
    details,
  );
}

/** "mount /proc: permission denied", as far as the pieces are known. */
export function describeFailure(failure: SandboxFailure): string {
  const what = [failure.step, failure.step?.includes(failure.path ?? '\0') ? undefined : failure.path]
    .filter(Boolean)
    .join(' ');
  return [what || failure.syscall, reasonOf(failure)].filter(Boolean).join(': ');
}

/** A message says more than the number does: it is there only where that is so. */
function reasonOf({ message, errno }: SandboxFailure): string | undefined {
  return message ?? (errno ? errnoText(errno) : undefined);
}

/** The same words that Node has for its own errors. */
function errnoText(errno: number): string {
  return getSystemErrorMap().get(-errno)?.[1] ?? `errno ${errno}`;
}
