import { execFile, execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import { test } from 'tap';
import type { PodEvent } from '../../src/index.js';
import { command, runCommand } from '../helpers/cli.js';
import { checkLeaks } from '../helpers/leaks.js';
import {
  isRunning,
  openPodrun,
  podOf,
  privateDirectories,
  rootSkip,
  runToEnd,
  sh,
  untilStatus,
} from '../helpers/machine.js';
import { project } from '../helpers/project.js';

test('circumstances that are unusual', { skip: rootSkip(), timeout: 120_000 }, async (t) => {
  checkLeaks(t);
  const directories = privateDirectories();
  const podrun = await openPodrun(directories);
  t.teardown(async () => {
    await podrun.close();
    directories.remove();
  });

  await t.test('directories may be given relative to the working directory', async (t) => {
    const cwd = mkdtempSync('/dev/shm/podrun-test-');
    t.teardown(() => rmSync(cwd, { recursive: true }));
    const flags = ['--root', 'root', '--state', 'state', '--logs', 'logs'];
    const output = await new Promise<string>((resolve, reject) => {
      execFile(
        `${project}/bin/podrun`,
        ['run', ...flags, `${project}/examples/hello.yaml`],
        { cwd },
        (error, stdout) => (error ? reject(error) : resolve(stdout)),
      );
    });
    t.equal(output, 'hello from a Pod\n');
  });

  await t.test('a umask of 077 keeps nothing from the users of a container', async (t) => {
    const before = process.umask(0o077);
    try {
      const look =
        'su nobody -s /bin/sh -c "cat /etc/hosts /etc/hostname /etc/resolv.conf >/dev/null && ls / >/dev/null"';
      const ended = await runToEnd(podrun, podOf('umask', [{ command: sh(look), workingDir: '/made/here' }]));
      t.equal(ended.output, '');
      t.equal(ended.exitCode, 0);
    } finally {
      process.umask(before);
    }
  });

  await t.test('a Pod and a namespace with the longest names run', async (t) => {
    const pod = podOf('p'.repeat(253), [{ command: sh('hostname | tr -d "\\n" | wc -c') }]);
    const handle = await podrun.run(pod, { namespace: 'n'.repeat(63) });
    t.equal((await handle.wait()).exitCode, 0);
    t.equal((await podrun.pod('p'.repeat(253), { namespace: 'n'.repeat(63) })).uid, handle.uid);
    await handle.delete();
  });

  await t.test('an environment larger than the kernel takes is said to be that', async (t) => {
    const env = [{ name: 'LARGE', value: 'x'.repeat(1_000_000) }];
    const ended = await runToEnd(podrun, podOf('large', [{ command: ['/bin/true'], env }]));
    t.equal(ended.exitCode, 126);
    t.match(ended.handle.status.containerStatuses[0]?.state.terminated?.message, /argument list too long/);
  });

  await t.test('a reader of exec that does not keep up makes the program wait', async (t) => {
    const warnings: string[] = [];
    const warned = (warning: Error) => warnings.push(warning.message);
    process.on('warning', warned);
    const handle = await untilStatus(podrun, podOf('slow', [{ command: ['sleep', '1000'] }]), isRunning);
    const session = await handle.exec(sh('head -c 100000000 /dev/zero'));
    await new Promise((resolve) => setTimeout(resolve, 500));
    t.ok(session.stdout.readableLength < 4_000_000, `${session.stdout.readableLength} bytes wait`);
    let bytes = 0;
    for await (const chunk of session.stdout) bytes += (chunk as Buffer).length;
    t.equal(bytes, 100_000_000);
    t.equal(await session.wait(), 0);
    t.same(warnings, []);
    process.off('warning', warned);
    await handle.delete({ force: true, gracePeriodSeconds: 0 });
  });

  await t.test('what a container writes to its /etc/hosts does not fill the tmpfs of the records', async (t) => {
    const pod = podOf('fill', [{ command: sh('head -c 5000000 /dev/zero > /etc/hosts; echo full; sleep 1000') }]);
    const handle = await untilStatus(podrun, pod, isRunning);
    for await (const line of handle.logs({ follow: true })) if (String(line.text) === 'full') break;
    const state = `${directories.state}/pods/${handle.uid}`;
    for (const name of readdirSync(state)) t.ok(statSync(`${state}/${name}`).size < 100_000, name);
    t.ok(statSync(`${directories.root}/pods/${handle.uid}/hosts`).size === 5_000_000);
    await handle.delete({ force: true, gracePeriodSeconds: 0 });
  });

  await t.test('records that find the disk full are a warning: the Pod goes on to its own end', async (t) => {
    const state = mkdtempSync('/dev/shm/podrun-test-');
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', state]);
    try {
      await using full = await openPodrun({ ...directories, state });
      const events: PodEvent[] = [];
      const pod = podOf('full', [{ command: sh('echo up; sleep 1; exit 1') }]);
      const handle = await full.run(pod, { onEvent: (event) => events.push(event) });
      for await (const line of handle.logs({ follow: true })) if (String(line.text) === 'up') break;
      for (let fd = openSync(`${state}/fill`, 'w'); ; ) {
        try {
          writeSync(fd, Buffer.alloc(4096));
        } catch {
          closeSync(fd);
          break;
        }
      }
      t.match(await handle.wait(), { phase: 'Failed', exitCode: 1 });
      t.equal(events.filter((event) => event.type === 'event' && event.reason === 'FailedToRecord').length, 1);
      await handle.delete();
      t.same(readdirSync(`${state}/pods`), []);
    } finally {
      execFileSync('umount', ['-l', state]);
      rmSync(state, { recursive: true });
    }
  });

  await t.test('a log that finds the disk full does not stop the container, and what is lost is said', async (t) => {
    const logs = mkdtempSync('/dev/shm/podrun-test-');
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', logs]);
    try {
      await using full = await openPodrun({ ...directories, logs });
      const ended = await runToEnd(full, podOf('chatty', [{ command: sh('seq 1 20000') }]));
      t.equal(ended.exitCode, 0);
      const lost = ended.events.find((event) => event.type === 'event' && event.reason === 'LogLost');
      t.match(lost, {
        level: 'Warning',
        message: /^\d+ bytes of the log of container "c0" were lost: no space below /,
      });
    } finally {
      execFileSync('umount', ['-l', logs]);
      rmSync(logs, { recursive: true });
    }
  });

  await t.test('delete --force ends a Pod whose supervisor has stopped to work', async (t) => {
    const pod = JSON.stringify(podOf('hung', [{ command: sh('echo up; sleep 1000') }]));
    const running = command(directories, ['run', '-'], pod);
    await running.shows('up');
    running.child.kill('SIGSTOP');
    t.match(await runCommand(directories, ['delete', 'hung', '--force', '--grace-period', '0']), { exitCode: 0 });
    t.equal((await runCommand(directories, ['ps', '-q'])).stdout, '');
    running.child.kill('SIGCONT');
    const { exitCode, stderr } = await running.result;
    t.equal(exitCode, 137);
    t.notMatch(stderr, /cannot write/);
  });

  await t.test('100 MB written at once arrive whole, or it is said that some are lost', async (t) => {
    const script = `yes ${'x'.repeat(999)} | head -c 100000000`;
    const handle = await podrun.run(podOf('flood', [{ command: sh(script) }]));
    let bytes = 0;
    let lost = 0;
    for await (const line of handle.logs({ follow: true, fromStart: true, onLost: () => lost++ })) {
      bytes += line.text.length + (line.partial ? 0 : 1);
    }
    await handle.delete();
    t.equal(bytes === 100_000_000 ? 0 : 1, lost, `${bytes} bytes, ${lost} times told of a loss`);
  });

  await t.test('a Pod of sixty containers runs without a warning, and its output is whole', async (t) => {
    const warnings: string[] = [];
    const warned = (warning: Error) => warnings.push(warning.message);
    process.on('warning', warned);
    const containers = Array.from({ length: 60 }, (_, i) => ({ command: sh(`echo ${i}; sleep 0.5`) }));
    const { output, exitCode } = await runToEnd(podrun, podOf('sixty', containers));
    process.off('warning', warned);
    t.equal(exitCode, 0);
    t.equal(output.trim().split('\n').length, 60);
    t.same(warnings, []);
  });
});
