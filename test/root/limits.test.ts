import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'tap';
import { podrunCommand } from '../helpers/cli.js';
import {
  openPodrun,
  outputOf,
  podOf,
  privateDirectories,
  rootSkip,
  runToEnd,
  sh,
  untilStatus,
} from '../helpers/machine.js';

const skip = rootSkip();

/** Counts what a busy loop gets done in a fixed time. */
const busy = sh(
  'end=$(( $(cut -d. -f1 /proc/uptime) + 3 )); while [ $(cut -d. -f1 /proc/uptime) -lt $end ]; do i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; done; cat /proc/self/stat > /dev/null; times',
);

/** CPU seconds of the shell and its children, from `times`. */
function cpuSeconds(output: string): number {
  const parts = [...output.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, seconds]) => Number(minutes) * 60 + Number(seconds),
  );
  return parts.reduce((sum, value) => sum + value, 0);
}

test('limits', { skip }, async (t) => {
  const directories = privateDirectories();
  const podrun = await openPodrun(directories);
  t.teardown(async () => {
    await podrun.close();
    directories.remove();
  });

  await t.test('cpu: 500m gives a busy loop half a processor', async (t) => {
    const limited = { command: busy, resources: { limits: { cpu: '500m' } } };
    const seconds = cpuSeconds((await runToEnd(podrun, podOf('half', [limited]))).output);
    t.ok(seconds > 0.8 && seconds < 2.2, `${seconds} s of CPU in 3 to 4 s`);
  });

  await t.test('a hog is killed at its memory limit, with 137 and the reason OOMKilled', async (t) => {
    const hog = {
      command: sh('head -c 300m /dev/zero | tail >/dev/null; exit $?'),
      resources: { limits: { memory: '64Mi' } },
    };
    const ended = await runToEnd(podrun, podOf('child-hog', [hog]));
    t.equal(ended.exitCode, 137);
    const main = { command: ['tail', '/dev/zero'], resources: { limits: { memory: '64Mi' } } };
    const killed = await runToEnd(podrun, podOf('hog', [main]));
    t.equal(killed.exitCode, 137);
    t.equal(killed.reason, 'OOMKilled');
    t.ok(killed.events.some((event) => event.type === 'event' && event.reason === 'OOMKilling'));
  });

  await t.test('a container within its limit is not touched, and its neighbour neither', async (t) => {
    const limits = { resources: { limits: { memory: '64Mi' } } };
    const ended = await runToEnd(
      podrun,
      podOf('two', [
        { command: ['tail', '/dev/zero'], ...limits },
        { command: sh('sleep 1; echo alive'), ...limits },
      ]),
    );
    t.equal(ended.handle.status.containerStatuses[1]?.state.terminated?.exitCode, 0);
    t.equal(ended.output, 'alive\n');
  });

  await t.test('SIGKILL from podrun is not called OOMKilled', async (t) => {
    const pod = podOf('killed', [{ command: ['sleep', '1000'], resources: { limits: { memory: '64Mi' } } }]);
    const handle = await untilStatus(podrun, pod, (h) => h.status.phase === 'Running');
    await handle.delete({ gracePeriodSeconds: 1 });
    t.match(await handle.wait(), { exitCode: 137, reason: 'Error' });
  });

  await t.test('the container sees its limits in its own cgroup', async (t) => {
    const pod = podOf('seen', [
      {
        command: sh('cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max 2>/dev/null || echo hybrid'),
        resources: { limits: { cpu: '500m', memory: '200Mi' } },
      },
    ]);
    const handle = await podrun.run(pod);
    const output = await outputOf(handle);
    await handle.delete({ force: true });
    t.ok(output === '209715200\n50000 100000\n' || output === 'hybrid\n', output);
  });
});

const memory = '/sys/fs/cgroup/memory';
const fixed = !existsSync(memory) && 'the controllers are on cgroup v2, where none can be taken away for a test';

test('a limit that the machine cannot enforce is an error, not a Pod without it', {
  skip: skip || fixed,
}, async (t) => {
  const directories = privateDirectories();
  t.teardown(() => directories.remove());
  const limited = podOf('limited', [{ command: ['true'], resources: { limits: { memory: '64Mi' } } }]);
  const { root, state, logs } = directories;
  // In a mount namespace of its own podrun sees no memory controller; the machine's stays where it is.
  const script = `umount ${memory} && exec ${podrunCommand} --root ${root} --state ${state} --logs ${logs} run -`;
  const ended = spawnSync('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script], {
    input: JSON.stringify(limited),
    encoding: 'utf8',
  });
  t.match(ended.stderr, /can't enforce a memory limit: it has no memory cgroup controller/);
  t.equal(ended.status, 125);
});
