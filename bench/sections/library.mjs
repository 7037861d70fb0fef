import { interleave, median, ratio } from '../measure.mjs';
import { pod, sleeping } from '../pods.mjs';
import { printSamples, printTarget } from '../table.mjs';

const warmUps = 10;

/**
 * The same in a process that has podrun loaded and has run Pods before, beside the bare system calls. Twice: with no other Pod
 * on the machine each one makes the bridge and the host's end of it, and takes them away.
 */
export async function benchLibrary(context) {
  const alone = await measure(context, 'no other Pod');
  const { handle } = await context.podrun.start(sleeping('neighbour'));
  const beside = await measure(context, 'beside another Pod');
  await handle.delete({ force: true });
  return [...alone, ...beside];
}

async function measure({ podrun, floor, runs }, situation) {
  const plain = pod('plain', ['true']);
  const limited = pod('limited', ['true'], { limited: true });
  for (let i = 0; i < warmUps; i++) await podrun.cycle(i % 2 ? plain : limited);
  const others = new Map();
  const subject = (name, manifest) => ({
    name,
    sample: async () => {
      const { started, ended, removed } = await podrun.cycle(manifest);
      push(others, `${name}: until ended`, ended);
      push(others, `${name}: removal`, removed);
      return started;
    },
  });
  const samples = await interleave(
    [
      { name: 'system calls alone', sample: () => floor.start('none') },
      ...floor.modes.map((mode) => ({ name: floorName(mode), sample: () => floor.start(mode) })),
      subject('library', plain),
      subject('library, limits', limited),
    ],
    { runs },
  );
  for (const [name, values] of others) samples.set(name, values.slice(-runs));
  printSamples(`A Pod of one \`true\` container through the library, warm: create to exec'd, ${situation}`, samples);
  printTarget({ text: 'library, ms', value: median(samples.get('library')), limit: 10 });
  for (const mode of floor.modes) {
    const value = ratio(samples.get('library, limits'), samples.get(floorName(mode)));
    printTarget({ text: `library, limits / ${floorName(mode)}`, value, limit: 1.5 });
  }
  return [...samples].map(([name, values]) => [`${situation}: ${name}`, values]);
}

const explained = {
  inside: 'limits, v1, the container moves itself',
  outside: 'limits, v1, moved by its parent',
  into: 'limits, v2, CLONE_INTO_CGROUP',
};

function floorName(mode) {
  return `system calls alone, ${explained[mode]}`;
}

function push(map, name, value) {
  if (!map.has(name)) map.set(name, []);
  map.get(name).push(value);
}
