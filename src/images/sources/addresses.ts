import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Addresses that a name or a redirect from outside has no business with: this machine, and the cloud's metadata service. */
const machineLocal = new BlockList();
machineLocal.addSubnet('127.0.0.0', 8, 'ipv4');
machineLocal.addSubnet('0.0.0.0', 8, 'ipv4');
machineLocal.addSubnet('169.254.0.0', 16, 'ipv4');
machineLocal.addAddress('::', 'ipv6');
machineLocal.addAddress('::1', 'ipv6');
machineLocal.addSubnet('fe80::', 10, 'ipv6');
machineLocal.addAddress('fd00:ec2::254', 'ipv6');

function inList(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/** Without the brackets that a URL puts around an IPv6 address. */
function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

/** True for names and addresses that can only be this machine; plain HTTP is allowed to these. */
export function isLoopbackHost(hostname: string): boolean {
  const host = bare(hostname).toLowerCase();
  return host === 'localhost' || host.endsWith('.localhost') || inList(loopback, host);
}

export function isMachineLocal(hostname: string): boolean {
  return isLoopbackHost(hostname) || inList(machineLocal, bare(hostname));
}

/**
 * Name resolution for hosts that a registry pointed us to: the addresses themselves are judged, since any name can be made
 * to resolve to 127.0.0.1 or 169.254.169.254.
 */
export const guardedLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, options as LookupOptions, (error, found: string | LookupAddress[], family?: number) => {
    if (error) return callback(error, found as string, family);
    const addresses = typeof found === 'string' ? [found] : found.map(({ address }) => address);
    const bad = addresses.find((address) => inList(machineLocal, address));
    if (bad === undefined) return callback(null, found as string, family);
    const refused = Object.assign(new Error(`${hostname} resolves to ${bad}, which only this machine can reach`), {
      code: 'ERR_PODRUN_PEER',
    });
    callback(refused, found as string, family);
  });
};
