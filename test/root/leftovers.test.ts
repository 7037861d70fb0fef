import { test } from 'tap';
import { command, runCommand } from '../helpers/cli.js';
import { assertNothingLeft, snapshot } from '../helpers/leaks.js';
import { ensureStarter, podOf, privateDirectories, rootSkip, sh } from '../helpers/machine.js';

/** More for a thorough run: PODRUN_TEST_RUNS=500 PODRUN_TEST_KILLS=50. */
const runs = Number(process.env['PODRUN_TEST_RUNS'] ?? 30);
const kills = Number(process.env['PODRUN_TEST_KILLS'] ?? 15);

test('nothing is left', { skip: rootSkip(), timeout: 600_000 }, async (t) => {
  ensureStarter();
  const directories = privateDirectories();
  t.teardown(() => directories.remove());
  const pod = (name: string, script: string) =>
    JSON.stringify(podOf(name, [{ command: sh(script) }], { terminationGracePeriodSeconds: 1 }));
  // The image is there already, and so is what is kept of it.
  await runCommand(directories, ['run', '-'], pod('first', 'true'));
  const before = snapshot(directories);

  await t.test(`after ${runs} runs one after the other`, async (t) => {
    for (let i = 0; i < runs; i++) {
      const { exitCode, stderr } = await runCommand(directories, ['run', '-'], pod('same', 'true'));
      if (exitCode !== 0) t.fail(`run ${i}: ${exitCode} ${stderr}`);
    }
    await t.resolves(assertNothingLeft(before, directories));
  });

  await t.test(`after ${kills} times kill -9 at any moment and one ps`, async (t) => {
    for (let i = 0; i < kills; i++) {
      const script = i % 2 === 0 ? 'true' : 'trap "exit 0" TERM; while :; do sleep 0.05; done';
      const running = command(directories, ['run', '-'], pod(`killed-${i}`, script));
      // From the start of Node to some time after the Pod's end.
      await new Promise((resolve) => setTimeout(resolve, 40 + (i * 260) / kills));
      running.child.kill('SIGKILL');
      await running.result;
    }
    // The sandboxes end their Pods within the grace period of one second.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const { stdout, exitCode } = await runCommand(directories, ['ps', '-q']);
    t.equal(exitCode, 0);
    t.equal(stdout, '');
    await t.resolves(assertNothingLeft(before, directories));
  });

  await t.test('while the sandbox of a killed podrun ends its Pod, ps says Terminating', async (t) => {
    const running = command(
      directories,
      ['run', '-'],
      pod('dying', 'trap "" TERM; echo up; while :; do sleep 0.05; done'),
    );
    await running.shows('up');
    running.child.kill('SIGKILL');
    await running.result;
    t.match((await runCommand(directories, ['ps'])).stdout, /^dying .* Terminating /m);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    t.equal((await runCommand(directories, ['ps', '-q'])).stdout, '');
    await t.resolves(assertNothingLeft(before, directories));
  });

  await t.test('of fifteen concurrent runs of one manifest one wins, the others say so', async (t) => {
    const all = Array.from({ length: 15 }, () => command(directories, ['run', '-'], pod('same', 'sleep 2')));
    const results = await Promise.all(all.map(({ result }) => result));
    t.equal(results.filter(({ exitCode }) => exitCode === 0).length, 1);
    const refused = results.filter(({ exitCode }) => exitCode === 125);
    t.equal(refused.length, 14);
    for (const { stderr } of refused) t.match(stderr, /a Pod named "same" exists/);
    await t.resolves(assertNothingLeft(before, directories));
  });

  await t.test('after Ctrl-C, twice, and SIGTERM', async (t) => {
    const stubborn = pod('stubborn', 'trap "" TERM INT; echo up; while :; do sleep 0.05; done');
    const once = command(directories, ['run', '-'], stubborn);
    await once.shows('up');
    once.child.kill('SIGTERM');
    const asked = performance.now();
    t.equal((await once.result).exitCode, 143);
    const tookMs = performance.now() - asked;
    t.ok(tookMs > 900 && tookMs < 2_500, `a grace period of 1 s took ${tookMs} ms`);
    const twice = command(
      directories,
      ['run', '-'],
      stubborn.replace('"terminationGracePeriodSeconds":1', '"terminationGracePeriodSeconds":60'),
    );
    await twice.shows('up');
    const before2 = performance.now();
    twice.child.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 300));
    twice.child.kill('SIGINT');
    await twice.result;
    t.ok(performance.now() - before2 < 3_000);
    await t.resolves(assertNothingLeft(before, directories));
  });
});
