import { PodrunError } from '../errors.js';
import { native } from '../native.js';
import { sandboxBinary } from '../paths.js';
import { type ExitEvent, SandboxConnection, type SandboxEvent } from './connection.js';
import { attachNetwork, leaseDirectory } from './network/attach.js';
import { someHolders } from './network/leases.js';
import type { ProcessIdentity } from './process.js';

export interface SandboxOptions {
  readonly uid: string;
  readonly hostname: string;
  /** Where the sandbox listens; its directory exists. */
  readonly socket: string;
  /** The Pod's cgroup below each hierarchy's root. */
  readonly cgroup: string;
  readonly graceSeconds: number;
  readonly onSupervisorLoss: 'stop' | 'keep';
}

export interface Sandbox {
  readonly identity: ProcessIdentity;
  readonly address: string;
  readonly connection: SandboxConnection;
  /** Resolves when the sandbox process has ended and been reaped. */
  readonly ended: Promise<void>;
  /** Set by whoever supervises; called for each container that ends. */
  onExit: (event: ExitEvent) => void;
}

const shmSizeBytes = 64 * 1024 * 1024;

/**
 * RunPodSandbox: the namespaces, their holder, and its network. Nothing is left behind when it fails.
 * @param onStarted  told as soon as the process exists, so that a record of it can be made before anything else hangs on it
 * @throws ERR_PODRUN_SANDBOX, ERR_PODRUN_CGROUP, ERR_PODRUN_NETWORK, ERR_PODRUN_NO_ADDRESS
 */
export async function runSandbox(
  options: SandboxOptions,
  onStarted: (identity: ProcessIdentity) => void,
): Promise<Sandbox> {
  const addon = native();
  const started = startProcess(options);
  const identity = { pid: started.pid, startTicks: started.startTicks };
  const connection = SandboxConnection.fromFd(started.controlFd);
  const ended = started.process.wait().then(() => started.process.close());
  try {
    onStarted(identity);
    const initialised = connection.request('init', {
      hostname: options.hostname,
      socket: options.socket,
      onSupervisorLoss: options.onSupervisorLoss,
      graceSeconds: options.graceSeconds,
      shmSizeBytes,
    });
    // The kernel's work for the network and the sandbox's own start run side by side.
    const handOver = async (fds: readonly number[]) => {
      await initialised;
      const hold = connection.prepare<object>('holdFds');
      addon.passFds(started.controlFd, hold.frame, fds);
      await hold.promise;
    };
    const [address] = await Promise.all([attachNetwork({ ...identity, uid: options.uid }, handOver), initialised]);
    const sandbox: Sandbox = { identity, address, connection, ended, onExit: () => {} };
    connection.onEvent = (event: SandboxEvent) => {
      if (event.event === 'exit') sandbox.onExit(event);
    };
    return sandbox;
  } catch (cause) {
    started.process.signal(9);
    await ended;
    connection.close();
    if (cause instanceof PodrunError) throw cause;
    throw new PodrunError('ERR_PODRUN_SANDBOX', `cannot start the sandbox: ${(cause as Error).message}`, { cause });
  }
}

function startProcess(options: SandboxOptions) {
  const addon = native();
  try {
    const cgroup = addon.cgroupCreate({ path: `${options.cgroup}/sandbox` });
    const peers = someHolders(leaseDirectory, 3);
    return addon.startSandbox({ binary: sandboxBinary, cgroup: cgroup.unified, peers });
  } catch (cause) {
    const { syscall, path, errno } = cause as { syscall?: string; path?: string; errno?: number };
    const code =
      syscall?.startsWith('clone') || syscall?.startsWith('exec') ? 'ERR_PODRUN_SANDBOX' : 'ERR_PODRUN_CGROUP';
    throw new PodrunError(code, `cannot start the sandbox: ${(cause as Error).message}`, {
      cause,
      syscall,
      path,
      errno,
    });
  }
}
