import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
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

test('the embedding API', { skip: rootSkip() }, async (t) => {
  checkLeaks(t);
  const directories = privateDirectories();
  t.teardown(() => directories.remove());

  await t.test('runs an object, text, or a file', async (t) => {
    await using podrun = await openPodrun(directories);
    const pod = podOf('sources', [{ command: ['true'] }]);
    const file = join(t.testdir(), 'pod.json');
    writeFileSync(file, JSON.stringify(pod));
    const yaml = `apiVersion: v1
kind: Pod
metadata: { name: sources }
spec:
  restartPolicy: Never
  containers:
  - name: c
    image: podrun.local/starter
    command: [sh, -c, exit 4]
`;
    const codes: number[] = [];
    for (const source of [pod, yaml, { file }, { text: yaml, name: 'x.yaml' }]) {
      await using handle = await podrun.run(source);
      codes.push((await handle.wait()).exitCode);
    }
    t.same(codes, [0, 4, 0, 4]);
  });

  await t.test('a handle that goes out of scope deletes its Pod, and closing deletes all', async (t) => {
    const podrun = await openPodrun(directories);
    const trap = (name: string) => podOf(name, [{ command: sh('trap "exit 0" TERM; while :; do sleep 0.05; done') }]);
    {
      await using handle = await untilStatus(podrun, trap('scoped'), isRunning);
      t.equal((await podrun.pod('scoped')).uid, handle.uid);
    }
    await t.rejects(podrun.pod('scoped'), { code: 'ERR_PODRUN_POD_NOT_FOUND' });
    await untilStatus(podrun, trap('one'), isRunning);
    await untilStatus(podrun, trap('two'), isRunning);
    t.same(
      (await podrun.pods()).map(({ name }) => name),
      ['one', 'two'],
    );
    await podrun.close();
    const after = await openPodrun(directories);
    t.same(await after.pods(), []);
    await after.close();
  });

  await t.test('exec has stdin, stdout, stderr and the exit code, for more data than any buffer holds', async (t) => {
    await using podrun = await openPodrun(directories);
    await using handle = await untilStatus(
      podrun,
      podOf('exec', [{ command: ['sleep', '1000'] }], { terminationGracePeriodSeconds: 0 }),
      isRunning,
    );
    const session = await handle.exec(['sh', '-c', 'cat; echo done >&2; exit 6'], { stdin: true });
    const block = Buffer.alloc(1 << 20, 'x');
    void (async () => {
      for (let i = 0; i < 20; i++)
        if (!session.stdin!.write(block)) await new Promise((resolve) => session.stdin!.once('drain', resolve));
      session.stdin!.end();
    })();
    let bytes = 0;
    let errors = '';
    session.stderr.on('data', (data) => {
      errors += data;
    });
    for await (const data of session.stdout) bytes += (data as Buffer).length;
    t.equal(await session.wait(), 6);
    t.equal(bytes, 20 << 20);
    t.equal(errors, 'done\n');
    const terminal = await handle.exec(['sh', '-c', 'test -t 0 && stty size'], {
      tty: true,
      size: { width: 91, height: 33 },
    });
    let shown = '';
    for await (const data of terminal.stdout) shown += data;
    t.equal(shown, '33 91\r\n');
    await t.rejects(handle.exec(['/none']), { code: 'ERR_PODRUN_COMMAND_NOT_FOUND' });
    await t.rejects(handle.exec(['true'], { container: 'other' }), { code: 'ERR_PODRUN_CONTAINER_NOT_FOUND' });
  });

  await t.test('a cancelled start leaves nothing', async (t) => {
    await using podrun = await openPodrun(directories);
    const cancel = new AbortController();
    const starting = podrun.run(podOf('cancelled', [{ command: ['sleep', '1000'] }]), { signal: cancel.signal });
    cancel.abort();
    await t.rejects(starting, { code: 'ERR_PODRUN_CANCELLED' });
    t.same(await podrun.pods(), []);
  });

  await t.test('a hundred Pods of true, ten at a time', async (t) => {
    await using podrun = await openPodrun(directories);
    for (let round = 0; round < 10; round++) {
      const ended = await Promise.all(
        Array.from({ length: 10 }, (_, i) => runToEnd(podrun, podOf(`p${i}`, [{ command: sh(`echo ${round}-${i}`) }]))),
      );
      t.same(
        ended.map(({ output }) => output),
        Array.from({ length: 10 }, (_, i) => `${round}-${i}\n`),
      );
    }
  });

  await t.test('20,000 lines of log arrive whole and in order', async (t) => {
    await using podrun = await openPodrun(directories);
    const { output } = await runToEnd(podrun, podOf('lines', [{ command: sh('seq 1 20000') }]));
    t.equal(output.length, 108_894);
    t.ok(output.endsWith('19999\n20000\n'));
  });
});
