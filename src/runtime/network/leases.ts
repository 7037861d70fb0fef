import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoCode, PodrunError } from '../../errors.js';
import { isAlive, type ProcessIdentity } from '../process.js';
import { addressOf, numberOf, type Subnet } from './subnet.js';

/**
 * An address is held by a sandbox process, not by a name: the file <address> under the lease directory (a tmpfs, so a
 * reboot forgets it) holds pid and start time, and a lease whose process is gone is free. So no crash leaks one.
 */
export interface Lease extends ProcessIdentity {
  readonly uid: string;
}

export interface LeaseTable {
  readonly directory: string;
  readonly leases: ReadonlyMap<string, Lease>;
}

/** Reads all leases and removes the dead ones. The caller holds the network lock. */
export function readLeases(directory: string): LeaseTable {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const leases = new Map<string, Lease>();
  for (const address of readdirSync(directory)) {
    if (address === 'last') continue;
    const lease = readLease(join(directory, address));
    if (lease && isAlive(lease)) leases.set(address, lease);
    else rmSync(join(directory, address), { force: true });
  }
  return { directory, leases };
}

/** A few of the sandboxes that hold a lease, without a lock: any of them may be gone already. */
export function someHolders(directory: string, count: number): number[] {
  let addresses: string[];
  try {
    addresses = readdirSync(directory);
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return [];
    throw error;
  }
  const leases = addresses.slice(0, count).map((address) => readLease(join(directory, address)));
  return leases.flatMap((lease) => (typeof lease?.pid === 'number' ? [lease.pid] : []));
}

function readLease(path: string): Lease | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Lease;
  } catch {
    // Half-written by a process that was killed, or gone: free.
    return undefined;
  }
}

/**
 * Takes the next free address after the one given out last, so that an address rests before it is used again.
 * @throws ERR_PODRUN_NO_ADDRESS when the subnet is full
 */
export function takeAddress(table: LeaseTable, subnet: Subnet, lease: Lease): string {
  const network = numberOf(subnet.network);
  // Without the network's own address, the gateway (.1) and broadcast.
  const size = 2 ** (32 - subnet.prefixLength) - 3;
  const last = readLast(table.directory);
  for (let step = 1; step <= size; step++) {
    const offset = ((last + step) % size) + 2;
    const address = addressOf(network + offset);
    if (table.leases.has(address)) continue;
    writeFileSync(join(table.directory, address), JSON.stringify(lease), { mode: 0o600 });
    writeFileSync(join(table.directory, 'last'), String(offset - 2), { mode: 0o600 });
    return address;
  }
  throw new PodrunError(
    'ERR_PODRUN_NO_ADDRESS',
    `all ${size} addresses of ${subnet.network}/${subnet.prefixLength} are in use`,
    {
      hint: 'delete Pods that are no longer needed',
    },
  );
}

/** Gives an address back, if `uid` still holds it. */
export function releaseAddress(directory: string, address: string, uid: string): void {
  const path = join(directory, address);
  if (readLease(path)?.uid === uid) rmSync(path, { force: true });
}

function readLast(directory: string): number {
  try {
    return Number(readFileSync(join(directory, 'last'), 'utf8')) || 0;
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return -1;
    throw error;
  }
}
