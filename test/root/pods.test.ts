import { test } from 'tap';
import { PodrunError } from '../../src/errors.js';
import {
  isRunning,
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

test('Pods', { skip }, async (t) => {
  const directories = privateDirectories();
  const podrun = await openPodrun(directories);
  t.teardown(async () => {
    await podrun.close();
    directories.remove();
  });
  const run = (pod: object) => runToEnd(podrun, pod);

  await t.test('a container that ends with 0 makes the Pod Succeeded', async (t) => {
    const ended = await run(podOf('ok', [{ command: sh('echo out; echo err >&2') }]));
    t.equal(ended.exitCode, 0);
    t.same(ended.output.split('\n').sort(), ['', 'err', 'out']);
    t.equal(ended.handle.status.phase, 'Succeeded');
    t.match(ended.handle.status.containerStatuses[0]?.state.terminated, { exitCode: 0, reason: 'Completed' });
  });

  await t.test('the exit code of the Pod is that of its first failing container, in manifest order', async (t) => {
    const ended = await run(
      podOf('codes', [{ command: ['true'] }, { command: sh('sleep 0.2; exit 3') }, { command: sh('exit 4') }]),
    );
    t.equal(ended.exitCode, 3);
    t.equal(ended.handle.status.phase, 'Failed');
  });

  await t.test('a program that is not in the image ends with 127 and names the path', async (t) => {
    const ended = await run(podOf('none', [{ command: ['/bin/nothing-here'] }]));
    t.equal(ended.exitCode, 127);
    t.match(ended.handle.status.containerStatuses[0]?.state.terminated, {
      reason: 'StartError',
      message: /\/bin\/nothing-here/,
    });
  });

  await t.test('a file that is not executable ends with 126', async (t) => {
    t.equal((await run(podOf('noexec', [{ command: ['/etc/passwd'] }]))).exitCode, 126);
    t.equal((await run(podOf('isdir', [{ command: ['/etc'] }]))).exitCode, 126);
  });

  await t.test('hostname is the name of the Pod, in every container', async (t) => {
    const ended = await run(podOf('my-host', [{ command: ['hostname'] }, { command: sh('cat /etc/hostname') }]));
    t.equal(ended.output, 'my-host\nmy-host\n');
    t.equal((await run(podOf('other', [{ command: ['hostname'] }], { hostname: 'given' }))).output, 'given\n');
  });

  await t.test('env, $(VAR), workingDir and args are as in Kubernetes', async (t) => {
    const ended = await run(
      podOf('env', [
        {
          command: ['sh', '-c'],
          args: ['echo "$A|$B" \'$(C)|$$(A)\' "$PWD|$1"', 'sh', '$(B) $(NONE) $$(B)'],
          workingDir: '/made/here',
          env: [
            { name: 'A', value: 'one' },
            { name: 'B', value: '$(A)-two' },
            { name: 'C', value: 'echo three' },
          ],
        },
      ]),
    );
    t.equal(ended.output, 'one|one-two echo three|$(A) /made/here|one-two $(NONE) $(B)\n');
  });

  await t.test(
    'init containers run one after the other, before the containers, and share volumes with them',
    async (t) => {
      const mount = { volumeMounts: [{ name: 'work', mountPath: '/work' }] };
      const ended = await run(
        podOf(
          'init',
          [{ name: 'main', command: sh('cat /work/order; touch /work/x && ls -ld /work | cut -c1-10'), ...mount }],
          {
            volumes: [{ name: 'work', emptyDir: {} }],
            initContainers: [
              {
                name: 'first',
                image: 'podrun.local/starter',
                command: sh('sleep 0.3; echo first >> /work/order'),
                ...mount,
              },
              { name: 'second', image: 'podrun.local/starter', command: sh('echo second >> /work/order'), ...mount },
            ],
          },
        ),
      );
      t.equal(ended.output, 'first\nsecond\ndrwxrwxrwx\n');
      t.equal(ended.exitCode, 0);
    },
  );

  await t.test('a failing init container ends a Pod that must not restart, and nothing after it runs', async (t) => {
    const ended = await run(
      podOf('init-fails', [{ name: 'main', command: sh('echo never') }], {
        initContainers: [{ name: 'first', image: 'podrun.local/starter', command: sh('exit 9') }],
      }),
    );
    t.equal(ended.exitCode, 9);
    t.equal(ended.output, '');
    t.match(ended.handle.status.containerStatuses[0]?.state, { waiting: { reason: 'PodInitializing' } });
  });

  await t.test(
    'OnFailure restarts at once the first time, keeps the address and volumes, and drops the writable layer',
    async (t) => {
      const script =
        'hostname -i >> /keep/addresses; if [ -e /root/mark ]; then exit 5; fi; touch /root/mark; [ $(wc -l < /keep/addresses) -ge 2 ] && cat /keep/addresses';
      const ended = await run(
        podOf('again', [{ command: sh(script), volumeMounts: [{ name: 'keep', mountPath: '/keep' }] }], {
          restartPolicy: 'OnFailure',
          volumes: [{ name: 'keep', emptyDir: {} }],
        }),
      );
      t.equal(ended.exitCode, 0);
      const [one, two] = ended.output.trim().split('\n');
      t.equal(one, two);
      t.equal(ended.handle.status.containerStatuses[0]?.restartCount, 1);
      t.equal(ended.handle.status.containerStatuses[0]?.lastState.terminated?.exitCode, 1);
    },
  );

  await t.test('the main process gets the stop signal, and SIGKILL when the grace period is over', async (t) => {
    const good = podOf('good', [
      { command: sh('trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 0.1; done') },
    ]);
    const handle = await untilStatus(podrun, good, isRunning);
    const output = outputOf(handle);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const deleted = handle.delete();
    t.match(await handle.wait(), { exitCode: 7 });
    t.equal(await output, 'ready\nbye\n');
    await deleted;

    const stubborn = await untilStatus(podrun, podOf('stubborn', [{ command: ['sleep', '1000'] }]), isRunning);
    const before = performance.now();
    const gone = stubborn.delete({ gracePeriodSeconds: 1 });
    t.ok((stubborn.toJSON() as { metadata: { deletionTimestamp?: string } }).metadata.deletionTimestamp);
    t.match(await stubborn.wait(), { exitCode: 137 });
    await gone;
    const tookMs = performance.now() - before;
    t.ok(tookMs > 950 && tookMs < 1900, `took ${tookMs} ms`);
  });

  await t.test(
    'a second Pod of a living name is refused, and after a deletion it may have the name again',
    async (t) => {
      const pod = podOf('taken', [{ command: ['sleep', '1000'] }]);
      const handle = await untilStatus(podrun, pod, isRunning);
      await t.rejects(podrun.run(pod), { code: 'ERR_PODRUN_POD_EXISTS' });
      await handle.delete({ force: true, gracePeriodSeconds: 0 });
      const again = await podrun.run(pod);
      t.not(again.uid, handle.uid);
      await again.delete({ force: true, gracePeriodSeconds: 0 });
    },
  );

  await t.test('a grace period of 0 needs force', async (t) => {
    const handle = await podrun.run(podOf('zero', [{ command: ['sleep', '1000'] }]));
    await t.rejects(handle.delete({ gracePeriodSeconds: 0 }), { code: 'ERR_PODRUN_FORCE_NEEDED' });
    await handle.delete({ force: true, gracePeriodSeconds: 0 });
  });

  await t.test('an image that is not there fails the Pod with its error', async (t) => {
    const handle = await podrun.run(podOf('no-image', [{ command: ['true'], image: 'podrun.local/none' }]));
    const error = await handle.wait().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    t.ok(error instanceof PodrunError && error.code.startsWith('ERR_PODRUN_IMAGE'));
    await handle.delete();
  });

  await t.test('a sandbox that is killed takes its containers with it, and the Pod fails', async (t) => {
    const handle = await untilStatus(podrun, podOf('orphan', [{ command: ['sleep', '1000'] }]), isRunning);
    const { readFileSync } = await import('node:fs');
    const record = JSON.parse(readFileSync(`${directories.state}/pods/${handle.uid}/sandbox.json`, 'utf8')) as {
      pid: number;
    };
    process.kill(record.pid, 'SIGKILL');
    t.match(await handle.wait(), { phase: 'Failed', exitCode: 137 });
    t.equal(handle.status.reason, 'SandboxGone');
    await handle.delete();
  });
});
