import { interleave, median, ratio, wallMs } from '../measure.mjs';
import { pod, writeYaml } from '../pods.mjs';
import { printSamples, printTarget } from '../table.mjs';

/** A Pod of one `true` container, from the command to its end and removal, image cached. */
export async function benchCommand({ podrun, podmen, runtimes, scratch, runs }) {
  const manifest = writeYaml(scratch, pod('true', ['true']));
  const samples = await interleave(
    [
      { name: 'node -e 0', sample: () => wallMs(['node', '-e', '0']) },
      { name: 'podrun run', sample: () => podrun.command('run', '--quiet', manifest) },
      ...runtimes.map((runtime) => ({ name: `${runtime.name} run, no network`, sample: () => runtime.runTrue() })),
      ...podmen.flatMap((podman) => [
        { name: `${podman.name}: run --rm`, sample: () => podman.runTrue() },
        { name: `${podman.name}: kube play, wait, down`, sample: () => podman.play(manifest, 'true-main') },
      ]),
    ],
    { runs },
  );
  printSamples('A Pod of one `true` container, command to end', samples);
  const own = samples.get('podrun run');
  printTarget({ text: 'podrun run / node -e 0', value: ratio(own, samples.get('node -e 0')), limit: 2 });
  for (const [name, values] of samples) {
    if (name.startsWith('podman'))
      printTarget({ text: `podrun run, ms, beside ${name}`, value: median(own), limit: median(values) });
  }
  return samples;
}
