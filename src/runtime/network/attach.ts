import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoCode, PodrunError } from '../../errors.js';
import { native } from '../../native.js';
import { type Lease, readLeases, takeAddress } from './leases.js';
import { networkDirectory, podSubnet } from './subnet.js';

export const leaseDirectory = join(networkDirectory, 'leases');

/**
 * Leases an address for a sandbox and connects it to the hub. Serialised over the machine by a file lock, so that
 * two first Pods do not both make a hub; it is held until the sandbox holds the hub, where the next Pod looks for it.
 * @param handOver  gives the sandbox the descriptors that keep hub and rules alive
 * @returns the address
 * @throws ERR_PODRUN_NETWORK, ERR_PODRUN_NO_ADDRESS
 */
export async function attachNetwork(
  lease: Lease,
  handOver: (fds: readonly number[]) => Promise<void>,
): Promise<string> {
  const addon = native();
  mkdirSync(networkDirectory, { recursive: true, mode: 0o700 });
  const lockPath = join(networkDirectory, 'lock');
  const lock = addon.lock(lockPath, { wait: false }) ?? (await addon.lock(lockPath, { wait: true }));
  let address: string | undefined;
  try {
    const table = readLeases(leaseDirectory);
    address = takeAddress(table, podSubnet, lease);
    const { hub, rules } = await addon.networkAttach({
      sandboxPid: lease.pid,
      peers: [...table.leases.values()].map((other) => other.pid),
      hostInterface: podSubnet.hostInterface,
      gateway: podSubnet.gateway,
      prefixLength: podSubnet.prefixLength,
      address,
      hubInterface: `p${address.split('.').slice(2).join('-')}`,
    });
    try {
      await handOver([hub.fd, rules.fd]);
    } finally {
      hub.close();
      rules.close();
    }
    return address;
  } catch (cause) {
    if (address !== undefined) rmSync(join(leaseDirectory, address), { force: true });
    if (cause instanceof PodrunError) throw cause;
    throw new PodrunError('ERR_PODRUN_NETWORK', `cannot connect the Pod to the network: ${errnoCode(cause) ?? cause}`, {
      cause,
      syscall: (cause as { syscall?: string }).syscall,
      path: (cause as { path?: string }).path,
    });
  } finally {
    lock.close();
  }
}
