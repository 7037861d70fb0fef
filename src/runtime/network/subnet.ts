/** The Pods' subnet; the host's end has its first address, which is the Pods' gateway. */
export interface Subnet {
  readonly network: string;
  readonly prefixLength: number;
  readonly gateway: string;
  readonly hostInterface: string;
}

export const podSubnet: Subnet = {
  network: '10.86.0.0',
  prefixLength: 16,
  gateway: '10.86.0.1',
  hostInterface: 'podrun0',
};

/** Machine-wide, whatever --state says: all Pods of a machine share one hub and one subnet. */
export const networkDirectory = '/run/podrun/network';

export function numberOf(address: string): number {
  return address.split('.').reduce((value, part) => value * 256 + Number(part), 0);
}

export function addressOf(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
