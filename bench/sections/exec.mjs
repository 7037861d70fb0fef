import { interleave, median } from '../measure.mjs';
import { sleeping, writeYaml } from '../pods.mjs';
import { children, sandboxes } from '../processes.mjs';
import { printSamples, printTarget } from '../table.mjs';

/** `true` in a running container, to its end. */
export async function benchExec({ podrun, floor, podmen, runtimes, scratch, runs }) {
  const manifest = sleeping('sleep');
  const file = writeYaml(scratch, manifest);
  const { handle } = await podrun.start(manifest);
  const [sandbox] = sandboxes();
  const [pid] = children(sandbox);
  for (const runtime of runtimes) await runtime.startSleep();
  for (const podman of podmen) await podman.up(file);
  const samples = await interleave(
    [
      { name: 'system calls alone', sample: () => floor.exec(pid) },
      { name: 'library', sample: () => podrun.exec(handle, ['true']) },
      { name: 'podrun exec', sample: () => podrun.command('exec', 'sleep', '--', 'true') },
      ...runtimes.map((runtime) => ({ name: `${runtime.name} exec`, sample: () => runtime.exec() })),
      ...podmen.map((podman) => ({ name: `${podman.name} exec`, sample: () => podman.exec('sleep-main') })),
    ],
    { runs, pauseMs: 20 },
  );
  for (const runtime of runtimes) await runtime.removeSleep();
  for (const podman of podmen) await podman.remove('sleep');
  await handle.delete({ force: true });
  printSamples('exec of `true` in a running container', samples);
  const [floorMs, libraryMs] = ['system calls alone', 'library'].map((name) => median(samples.get(name)));
  printTarget({ text: 'library beyond the system calls, ms', value: libraryMs - floorMs, limit: 5 });
  return samples;
}
