import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

/** Direct children of a process, over all its threads. */
export function children(pid) {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => numbers(`/proc/${pid}/task/${thread}/children`));
}

export function descendants(pid) {
  return children(pid).flatMap((child) => [child, ...descendants(child)]);
}

/** The sandboxes that this process supervises: its children that run a program from memory. */
export function sandboxes() {
  return children(process.pid).filter((pid) => readlinkSync(`/proc/${pid}/exe`).startsWith('/memfd:'));
}

/** Bytes of the sealed copy in memory that a sandbox runs from. */
export function programBytes(pid) {
  return statSync(`/proc/${pid}/exe`).size;
}

/** Proportional set size in MiB: a page that n processes map counts 1/n for each. */
export function pssMiB(pid) {
  return Number(/^Pss: +(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))[1]) / 1024;
}

export function commandName(pid) {
  return readFileSync(`/proc/${pid}/comm`, 'latin1').trim();
}

/** Memory of the kernel itself on the whole machine, in MiB: coarse, for other programs change it too. */
export function kernelMiB() {
  const text = readFileSync('/proc/meminfo', 'latin1');
  const fields = ['Slab', 'KernelStack', 'PageTables', 'Percpu'];
  return fields.reduce((sum, field) => sum + Number(new RegExp(`^${field}: +(\\d+)`, 'm').exec(text)[1]) / 1024, 0);
}

function numbers(file) {
  return readFileSync(file, 'latin1').trim().split(' ').filter(Boolean).map(Number);
}
