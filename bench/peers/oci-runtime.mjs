import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, wallMs } from '../measure.mjs';

/** crun or runc by itself: a bundle with a read-only root, namespaces of its own and an empty network. No overlay, no veth, no log. */
export class OciRuntime {
  #stage;
  #command;
  #scratch;
  name;

  constructor(name, stage, command, scratch) {
    this.name = name;
    this.#stage = stage;
    this.#command = command;
    this.#scratch = scratch;
  }

  /** @returns {Promise<OciRuntime | string>} what is missing, as text */
  static async find(stage, scratch, program, label) {
    try {
      const { stdout } = await run(stage.command([program, '--version']));
      const name = `${program} ${stdout.match(/\d+(\.\d+)+/)[0]}`;
      const state = join(scratch, name.replace(' ', '-'));
      mkdirSync(state, { recursive: true });
      const cgroups = program === 'crun' ? ['--cgroup-manager=cgroupfs'] : [];
      return new OciRuntime(name, stage, [program, '--root', join(state, 'state'), ...cgroups], state);
    } catch {
      return `${program} (${label}): not installed`;
    }
  }

  /** Makes the bundles "true" and "sleep" over an unpacked image. */
  async prepare(rootfs) {
    const [program] = this.#command;
    await run(this.#stage.command([program, 'spec', '--bundle', this.#scratch]));
    const spec = JSON.parse(readFileSync(join(this.#scratch, 'config.json'), 'utf8'));
    spec.root = { path: rootfs, readonly: true };
    spec.process = { ...spec.process, terminal: false, rlimits: [] };
    for (const [id, args] of [
      ['true', ['true']],
      ['sleep', ['sleep', 'infinity']],
    ]) {
      mkdirSync(join(this.#scratch, id));
      const linux = { ...spec.linux, cgroupsPath: `/podrun-bench/${program}-${id}` };
      const config = { ...spec, linux, process: { ...spec.process, args } };
      writeFileSync(join(this.#scratch, id, 'config.json'), JSON.stringify(config));
    }
  }

  runTrue() {
    return this.#ms('run', '--bundle', join(this.#scratch, 'true'), 'true');
  }

  /** The runtime's parent-less container keeps its output pipe, so that goes to /dev/null. */
  async startSleep() {
    const command = [...this.#command, 'run', '--detach', '--bundle', join(this.#scratch, 'sleep'), 'sleep'];
    await run(this.#stage.command(['sh', '-c', `${command.join(' ')} </dev/null >/dev/null 2>&1`]));
  }

  exec() {
    return this.#ms('exec', 'sleep', 'true');
  }

  async removeSleep() {
    await this.#ms('delete', '--force', 'sleep');
  }

  #ms(...args) {
    return wallMs(this.#stage.command([...this.#command, ...args]));
  }
}
