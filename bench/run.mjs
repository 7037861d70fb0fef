/**
 * Measures podrun beside podman, crun, runc and the bare system calls, as far as they are installed, all in one run.
 *
 *   node bench/run.mjs [--runs N] [--only command,library,exec,many,memory] [--json FILE]
 *
 * PODRUN_BENCH_CHROOT names the root directory of another release, made by debootstrap, whose podman and crun are measured
 * too. PODRUN_BENCH_SCRATCH (default /dev/shm) is where all stores go. Needs root, `make build starter`, and cc.
 */
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { presentCgroups, removeCgroups } from './cgroups.mjs';
import { Floor } from './floor.mjs';
import { unpackLayout } from './image.mjs';
import { OciRuntime } from './peers/oci-runtime.mjs';
import { Podman } from './peers/podman.mjs';
import { PodrunSubject } from './podrun.mjs';
import { pod, writeYaml } from './pods.mjs';
import { benchCommand } from './sections/command.mjs';
import { benchMany, benchMemory } from './sections/density.mjs';
import { benchExec } from './sections/exec.mjs';
import { benchLibrary } from './sections/library.mjs';
import { Stage } from './stage.mjs';

const sections = {
  command: benchCommand,
  library: benchLibrary,
  exec: benchExec,
  many: benchMany,
  memory: benchMemory,
};
const withoutPeers = new Set(['library', 'many']);
const starter = fileURLToPath(new URL('../rootfs-cache/starter', import.meta.url));

async function openPeers(stages, scratch, layout, rootfs) {
  const root = process.env['PODRUN_BENCH_CHROOT'];
  const manifest = writeYaml(scratch, pod('true', ['true']));
  const peers = { podmen: [], runtimes: [] };
  if (!root) console.log('missing: PODRUN_BENCH_CHROOT, a root directory with a newer podman and crun');
  for (const [label, directory] of [['this machine', undefined], ...(root ? [[root, root]] : [])]) {
    const stage = await Stage.open(directory);
    stages.push(stage);
    const podman = await Podman.find(stage, scratch, label);
    const runtimes = await Promise.all(['crun', 'runc'].map((name) => OciRuntime.find(stage, scratch, name, label)));
    for (const found of [podman, ...runtimes]) if (typeof found === 'string') console.log(`missing: ${found}`);
    if (typeof podman !== 'string') {
      await podman.prepare(layout, manifest, 'true-main');
      peers.podmen.push(podman);
    }
    for (const runtime of runtimes) {
      if (typeof runtime === 'string') continue;
      await runtime.prepare(rootfs);
      peers.runtimes.push(runtime);
    }
  }
  return peers;
}

async function main() {
  const { values } = parseArgs({
    options: { runs: { type: 'string', default: '15' }, only: { type: 'string' }, json: { type: 'string' } },
  });
  if (process.geteuid() !== 0) throw new Error('needs root');
  if (!existsSync(starter)) throw new Error(`${starter} is missing: make starter`);
  // Lower case, for podman takes the path of a layout for a repository name.
  const scratch = join(process.env['PODRUN_BENCH_SCRATCH'] ?? '/dev/shm', `podrun-bench-${process.pid}`);
  mkdirSync(scratch, { mode: 0o700 });
  const layout = join(scratch, 'layout');
  const rootfs = join(scratch, 'rootfs');
  const cgroups = presentCgroups();
  const stages = [];
  let peers;
  let podrun;
  try {
    // A copy in the scratch directory, which is there in another root directory too.
    cpSync(starter, layout, { recursive: true });
    await unpackLayout(layout, rootfs);
    const floor = await Floor.build(scratch, rootfs);
    podrun = await PodrunSubject.open(scratch);
    const names = values.only?.split(',') ?? Object.keys(sections);
    if (names.some((name) => !withoutPeers.has(name))) peers = await openPeers(stages, scratch, layout, rootfs);
    const results = {};
    const context = { ...peers, podrun, floor, scratch, runs: Number(values.runs) };
    for (const name of names) {
      results[name] = Object.fromEntries(await sections[name](context));
    }
    if (values.json) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
  } finally {
    await podrun?.close();
    for (const stage of stages) stage.close();
    removeCgroups(cgroups);
    rmSync(scratch, { recursive: true, force: true });
  }
}

await main();
