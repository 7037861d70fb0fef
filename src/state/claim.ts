import { mkdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import type { OwnedFd } from '../../native/addon/addon.js';
import { errnoCode, PodrunError } from '../errors.js';
import { native } from '../native.js';
import type { Directories } from '../paths.js';
import { makeDirectory } from './atomic.js';
import { nameClaim, type PodPlaces, podPlaces, podsDirectory } from './pod-paths.js';
import { reclaim } from './recovery.js';
import { withStateLock } from './state-lock.js';

export interface Claim {
  readonly places: PodPlaces;
  /** Held as long as this process supervises the Pod; the kernel frees it when the process dies. */
  readonly lock: OwnedFd;
}

/**
 * Makes the Pod's state directory, locked by us, and takes its name: of fifty at once one wins. What a dead supervisor
 * of the same name left behind is removed first.
 * @throws ERR_PODRUN_POD_EXISTS while another process supervises a Pod of that name, ERR_PODRUN_STATE
 */
export async function claimPod(directories: Directories, uid: string, namespace: string, name: string): Promise<Claim> {
  const places = podPlaces(directories, uid, namespace, name);
  makeDirectory(podsDirectory(directories));
  const lock = await withStateLock(directories, () => {
    makeDirectory(places.state);
    return native().lock(places.supervisorLock, { wait: false });
  });
  if (lock === null) throw new PodrunError('ERR_PODRUN_STATE', `the UID ${uid} is in use`, { path: places.state });
  try {
    await takeName(directories, uid, namespace, name);
    return { places, lock };
  } catch (error) {
    rmSync(places.state, { recursive: true, force: true });
    lock.close();
    throw error;
  }
}

/** Two tries: the first may find a name whose owner is dead, and then frees it. */
async function takeName(directories: Directories, uid: string, namespace: string, name: string): Promise<void> {
  const claim = nameClaim(directories, namespace, name);
  for (let tries = 0; ; tries++) {
    try {
      symlinkSync(uid, claim);
      return;
    } catch (error) {
      if (errnoCode(error) === 'ENOENT' && tries < 2) {
        mkdirSync(dirname(claim), { recursive: true, mode: 0o700 });
        continue;
      }
      if (errnoCode(error) !== 'EEXIST') throw error;
      if (tries >= 2 || !(await freeIfDead(directories, claim))) {
        throw new PodrunError('ERR_PODRUN_POD_EXISTS', `a Pod named "${name}" exists in namespace "${namespace}"`, {
          pod: name,
          hint: `podrun delete ${namespace === 'default' ? '' : `-n ${namespace} `}${name}`,
        });
      }
    }
  }
}

async function freeIfDead(directories: Directories, claim: string): Promise<boolean> {
  let uid: string;
  try {
    uid = readlinkSync(claim);
  } catch {
    return true;
  }
  const gone = await reclaim(directories, uid);
  if (gone) rmSync(claim, { force: true });
  return gone;
}
