import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { printedMs, run } from './measure.mjs';

const source = fileURLToPath(new URL('floor.c', import.meta.url));

/** The bare system calls: see floor.c. */
export class Floor {
  #program;
  #rootfs;
  #work;
  #cgroups;
  /** How a container can get limits on this machine. */
  modes;

  static async build(scratch, rootfs) {
    const program = join(scratch, 'floor');
    await run(['cc', '-O2', '-static', '-o', program, source]);
    return new Floor(program, scratch, rootfs);
  }

  constructor(program, scratch, rootfs) {
    this.#program = program;
    this.#rootfs = rootfs;
    this.#work = join(scratch, 'floor-work');
    const v2 = existsSync('/sys/fs/cgroup/cgroup.controllers');
    this.#cgroups = v2
      ? ['/sys/fs/cgroup/podrun-bench']
      : ['cpu', 'memory'].map((c) => `/sys/fs/cgroup/${c}/podrun-bench`);
    this.modes = v2 ? ['into'] : ['inside', 'outside'];
    for (const directory of this.#cgroups) mkdirSync(directory, { recursive: true });
    if (!v2) return;
    for (const directory of ['/sys/fs/cgroup', ...this.#cgroups])
      writeFileSync(join(directory, 'cgroup.subtree_control'), '+cpu +memory');
  }

  async start(mode) {
    mkdirSync(this.#work);
    try {
      return await printedMs([this.#program, 'start', this.#rootfs, this.#work, mode, ...this.#cgroups]);
    } finally {
      rmSync(this.#work, { recursive: true });
    }
  }

  exec(pid) {
    return printedMs([this.#program, 'exec', String(pid)]);
  }
}
