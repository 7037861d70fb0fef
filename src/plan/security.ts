import type { OciProcess } from './oci.js';

/** What a container may do by default, in containerd as here: 0x00000000a80425fb in /proc/<pid>/status. */
export const defaultCapabilities: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

/**
 * The five sets of a process. Inheritable and ambient stay empty: otherwise a program run by a user other than root
 * would gain from files with inheritable capabilities (CVE-2022-24769). The lists are the same for every user; the
 * kernel itself clears effective and permitted when a process leaves uid 0 (capabilities(7)).
 */
export function capabilitySets(capabilities: readonly string[]): OciProcess['capabilities'] {
  return { bounding: capabilities, effective: capabilities, permitted: capabilities, inheritable: [], ambient: [] };
}

/**
 * Paths hidden from containers: those of the kubelet, with the thermal side channel of each processor
 * (moby GHSA-6fw5-f8r9-fgfm; kubernetes#131018). What a kernel does not have is passed over.
 */
export function maskedPaths(cpus: number): readonly string[] {
  return [
    '/proc/acpi',
    '/proc/asound',
    '/proc/interrupts',
    '/proc/kcore',
    '/proc/keys',
    '/proc/latency_stats',
    '/proc/timer_list',
    '/proc/timer_stats',
    '/proc/sched_debug',
    '/proc/scsi',
    '/sys/firmware',
    '/sys/devices/virtual/powercap',
    ...Array.from({ length: cpus }, (_, cpu) => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`),
  ];
}

export const readonlyPaths: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];
