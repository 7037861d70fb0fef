import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { networkInterfaces, totalmem } from 'node:os';
import { join } from 'node:path';
import { errnoCode } from '../errors.js';
import type { Pod } from '../manifest/pod.js';
import type { Machine, PodPaths } from '../plan/plan.js';
import { planSandbox } from '../plan/sandbox.js';
import { podSubnet } from '../runtime/network/subnet.js';
import { makeDirectory, writeNew } from '../state/atomic.js';
import { makeDisk } from '../state/orphans.js';
import { type PodPlaces, volumeDirectory } from '../state/pod-paths.js';
import type { LifecycleEvent } from './context.js';

/** What the Pod needs of the machine besides its sandbox, and can have before it has an address. */
export interface Prepared {
  readonly volumes: Record<string, string>;
  readonly machine: Machine;
  readonly hostAddress: string | undefined;
}

/** Disk, logs and volumes of the Pod. Async, so that it can be done beside the sandbox's start, and fail like it. */
export async function preparePod(pod: Pod, places: PodPlaces): Promise<Prepared> {
  makeDisk(places);
  // The logs' directories are there before their readers.
  for (const { name } of [...(pod.spec.initContainers ?? []), ...pod.spec.containers])
    makeDirectory(join(places.logs, name), 0o755);
  return { volumes: prepareVolumes(pod, places), machine: machine(), hostAddress: hostAddress() };
}

/** Paths of what the Pod's containers mount: /etc/hosts and the like, which are written here, /dev/shm, volumes. */
export function preparePodFiles(
  pod: Pod,
  places: PodPlaces,
  { volumes }: Prepared,
  address: string,
  emit: (event: LifecycleEvent) => void,
): Omit<PodPaths, 'cgroup'> {
  const plan = planSandbox(pod, { address, resolvConf: hostResolvConf() });
  for (const event of plan.events) emit({ level: 'Normal', ...event });
  // On the disk, since containers may write to them: what fills them must not fill the machine's /run (CVE-2020-8557).
  const files = {
    hosts: join(places.disk, 'hosts'),
    hostname: join(places.disk, 'hostname'),
    resolvConf: join(places.disk, 'resolv.conf'),
  };
  // Mode 0644: the container's users read them through a bind mount.
  writeNew(files.hosts, plan.hosts, 0o644);
  writeNew(files.hostname, plan.hostnameFile, 0o644);
  writeNew(files.resolvConf, plan.resolvConf, 0o644);
  return { ...files, shm: places.shm, volumes };
}

/** An emptyDir is a directory that every user of the Pod may write to. */
function prepareVolumes(pod: Pod, places: PodPlaces): Record<string, string> {
  const volumes: Record<string, string> = {};
  for (const { name } of pod.spec.volumes ?? []) {
    const directory = volumeDirectory(places, name);
    makeDirectory(join(places.disk, 'volumes'));
    // In two steps, since mkdir's mode is cut by the umask.
    mkdirSync(directory);
    chmodSync(directory, 0o777);
    volumes[name] = directory;
  }
  return volumes;
}

/** systemd-resolved's /etc/resolv.conf names a stub on loopback, which a Pod can't reach; the real one is beside it. */
function hostResolvConf(): string {
  const text = readText('/etc/resolv.conf');
  if (!/^\s*nameserver\s+127\.0\.0\.53\b/m.test(text)) return text;
  return readText('/run/systemd/resolve/resolv.conf') || text;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return '';
    throw error;
  }
}

function machine(): Machine {
  return { memoryBytes: totalmem(), cpus: cpuCount(), noFileHard: noFileHard() };
}

/** The machine's own address, as status.hostIP has it: the first that is not of loopback, nor our own gateway. */
function hostAddress(): string | undefined {
  const own = Object.entries(networkInterfaces()).filter(([name]) => name !== podSubnet.hostInterface);
  return own.flatMap(([, addresses]) => addresses ?? []).find(({ family, internal }) => family === 'IPv4' && !internal)
    ?.address;
}

/** As the kernel numbers them; os.cpus() would read a file for each. */
function cpuCount(): number {
  const last = /(\d+)\s*$/.exec(readText('/sys/devices/system/cpu/possible'));
  return last ? Number(last[1]) + 1 : 1;
}

function noFileHard(): number {
  return Number(/^Max open files\s+\d+\s+(\d+)/m.exec(readText('/proc/self/limits'))?.[1] ?? 1024);
}
