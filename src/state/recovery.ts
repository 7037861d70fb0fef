import { readdirSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoCode } from '../errors.js';
import { sweepImageStore } from '../images/sweep.js';
import { native } from '../native.js';
import type { Directories } from '../paths.js';
import { SandboxConnection } from '../runtime/connection.js';
import { leaseDirectory } from '../runtime/network/attach.js';
import { releaseAddress } from '../runtime/network/leases.js';
import type { ProcessIdentity } from '../runtime/process.js';
import { readJson, writeJson } from './atomic.js';
import { removeOrphans } from './orphans.js';
import { nameClaim, podPlaces, podsDirectory } from './pod-paths.js';
import { withStateLock } from './state-lock.js';

/** <state>/pods/<uid>/sandbox.json */
export interface SandboxRecord extends ProcessIdentity {
  readonly address?: string;
}

interface NamedObject {
  readonly metadata: { readonly name: string; readonly namespace: string };
}

interface EndingObject {
  readonly metadata: { readonly deletionTimestamp?: string };
  readonly spec: { readonly terminationGracePeriodSeconds: number };
}

/** How long a sandbox without containers may take to end by itself before it is killed. */
const endingMs = 200;

/** Finishes or undoes what dead podrun processes left half done; the first thing every command that looks at Pods does. */
export async function recover(directories: Directories): Promise<void> {
  const uids = listUids(directories);
  const pods = uids.map((uid) => reclaim(directories, uid));
  await Promise.all([...pods, removeOrphans(directories), sweepImageStore(directories.root)]);
}

export function listUids(directories: Directories): string[] {
  try {
    return readdirSync(podsDirectory(directories));
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Removes a Pod that nobody supervises and whose containers have ended. True when nothing of it is left; false while it is
 * supervised, or its containers are still in their grace period (the sandbox sees to that, a later command removes the rest).
 */
export async function reclaim(directories: Directories, uid: string): Promise<boolean> {
  const unknown = podPlaces(directories, uid, '', '');
  const lock = await withStateLock(directories, () => tryLock(unknown.supervisorLock));
  if (lock === 'gone') return true;
  if (lock === null) return false;
  try {
    const sandbox = readRecord<SandboxRecord>(unknown.sandbox);
    if (sandbox && !(await sandboxEnded(sandbox, unknown.socket))) {
      markEnding(unknown.record);
      return false;
    }
    await removeRemains(directories, uid, sandbox?.address);
    return true;
  } finally {
    lock.close();
  }
}

/** Its supervisor died, so the sandbox is ending the Pod: the record says so from the moment somebody looks. */
function markEnding(path: string): void {
  const object = readRecord<EndingObject>(path);
  if (!object || object.metadata.deletionTimestamp) return;
  const graceSeconds = object.spec.terminationGracePeriodSeconds;
  const deletionTimestamp = `${new Date(Date.now() + graceSeconds * 1000).toISOString().slice(0, 19)}Z`;
  const metadata = { ...object.metadata, deletionTimestamp, deletionGracePeriodSeconds: graceSeconds };
  writeJson(path, { ...object, metadata });
}

function tryLock(path: string) {
  try {
    return native().lock(path, { wait: false });
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return 'gone';
    throw error;
  }
}

/** A record that its writer did not finish is as good as none: everything is found by the UID as well. */
function readRecord<T>(path: string): T | undefined {
  try {
    return readJson<T>(path);
  } catch {
    return undefined;
  }
}

async function sandboxEnded(identity: SandboxRecord, socket: string): Promise<boolean> {
  const process = native().openPidfd(identity.pid, identity.startTicks);
  if (process === null) return true;
  try {
    if (await hasContainers(socket)) return false;
    const timer = setTimeout(() => process.signal(9), endingMs);
    await process.wait();
    clearTimeout(timer);
    return true;
  } finally {
    process.close();
  }
}

async function hasContainers(socket: string): Promise<boolean> {
  let connection: SandboxConnection;
  try {
    connection = await SandboxConnection.connect(socket);
  } catch {
    return false;
  }
  try {
    const state = await connection.request<{ containers: { running: boolean }[] }>('state');
    return state.containers.some((container) => container.running);
  } catch {
    return false;
  } finally {
    connection.close();
  }
}

/** Ends and removes a Pod whatever its supervisor does: that may be stopped, or hang. */
export async function removeByForce(directories: Directories, uid: string): Promise<void> {
  const sandbox = readRecord<SandboxRecord>(podPlaces(directories, uid, '', '').sandbox);
  const process = sandbox ? native().openPidfd(sandbox.pid, sandbox.startTicks) : null;
  if (process !== null) {
    process.signal(9);
    await process.wait();
    process.close();
  }
  await removeRemains(directories, uid, sandbox?.address);
}

/**
 * Everything that a Pod has on the machine, by its UID; the state directory last, so that a removal that was interrupted is
 * found again. Namespaces, mounts, veths and nftables rules went with the sandbox: nothing else holds them.
 */
export async function removeRemains(directories: Directories, uid: string, address: string | undefined): Promise<void> {
  const addon = native();
  const object = readRecord<NamedObject>(podPlaces(directories, uid, '', '').record);
  const places = podPlaces(directories, uid, object?.metadata.namespace ?? '', object?.metadata.name ?? '');
  addon.cgroupKill(places.cgroup);
  await Promise.all([
    addon.cgroupRemove(places.cgroup),
    addon.removeTree(places.disk),
    object ? addon.removeTree(places.logs) : removeLogsOf(directories, uid),
  ]);
  if (address) releaseAddress(leaseDirectory, address, uid);
  if (object) releaseName(nameClaim(directories, object.metadata.namespace, object.metadata.name), uid);
  else releaseNamesOf(directories, uid);
  await addon.removeTree(places.state);
}

function releaseName(claim: string, uid: string): void {
  try {
    if (readlinkSync(claim) === uid) rmSync(claim, { force: true });
  } catch (error) {
    if (errnoCode(error) !== 'ENOENT') throw error;
  }
}

/** Without a record: by looking at every name. */
function releaseNamesOf(directories: Directories, uid: string): void {
  const names = join(directories.state, 'names');
  for (const name of readDirectory(names)) releaseName(join(names, name), uid);
}

async function removeLogsOf(directories: Directories, uid: string): Promise<void> {
  const mine = readDirectory(directories.logs).filter((name) => name.endsWith(`_${uid}`));
  await Promise.all(mine.map((name) => native().removeTree(join(directories.logs, name))));
}

function readDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return [];
    throw error;
  }
}
