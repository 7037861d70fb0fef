import t from 'tap';
import { PodrunError } from '../../src/errors.js';
import { containerStatus, FakePodrun, FakeProcess, line, podrun, podStatus, until } from './fake.js';

t.test('run passes on the bytes of the only container and ends with 0', async (t) => {
  const fake = new FakePodrun([
    {
      name: 'p',
      lines: [
        line('app', 'one'),
        line('app', 'oops', { stream: 'stderr' }),
        line('app', 'no newline', { partial: true }),
      ],
    },
  ]);
  t.same(await podrun(['run', 'pod.yaml'], { podrun: fake }), { code: 0, out: 'one\nno newline', err: 'oops\n' });
  t.same(fake.sources, [{ file: 'pod.yaml' }]);
  t.equal(fake.closed, true);
});

t.test('run precedes lines with the container when there are several, whole lines only', async (t) => {
  const lines = [
    line('a', 'half ', { partial: true }),
    line('b', 'between'),
    line('a', 'and half'),
    line('b', 'end', { partial: true }),
  ];
  const { out } = await podrun(['run', 'x'], {
    podrun: new FakePodrun([{ name: 'p', containers: ['a', 'b'], lines }]),
  });
  t.equal(out, '[b] between\n[a] half and half\n[b] end\n');
});

t.test('run precedes lines with Pod and container when there are several Pods', async (t) => {
  const fake = new FakePodrun([
    { name: 'p', lines: [line('app', 'from p')] },
    { name: 'q', lines: [line('app', 'from q')] },
  ]);
  t.same((await podrun(['run', 'x'], { podrun: fake })).out.split('\n').sort(), [
    '',
    '[p/app] from p',
    '[q/app] from q',
  ]);
});

t.test('run --timestamps precedes lines with their time', async (t) => {
  const { out } = await podrun(['run', '--timestamps', 'x'], {
    podrun: new FakePodrun([{ name: 'p', lines: [line('app', 'hi')] }]),
  });
  t.equal(out, '2026-01-01T00:00:00.000000000Z hi\n');
});

t.test('run reads the manifest from standard input', async (t) => {
  const fake = new FakePodrun([{ name: 'p' }]);
  const process = new FakeProcess();
  (process.stdin as unknown as NodeJS.WritableStream).end('kind: Pod');
  t.equal((await podrun(['run', '-'], { podrun: fake, process })).code, 0);
  t.same(fake.sources, [{ text: 'kind: Pod', name: '<stdin>' }]);
});

t.test('run passes mirrors, registries.conf and namespace on', async (t) => {
  const fake = new FakePodrun([{ name: 'p' }]);
  const mirrors = [
    '--registry-mirror',
    'docker.io=http://127.0.0.1:5000',
    '--registry-mirror=docker.io=http://127.0.0.1:5001',
  ];
  await podrun(['run', 'x', ...mirrors, '--registries-conf', '/r.conf', '-n', 'test'], { podrun: fake });
  t.same(fake.opened, {
    registryMirrors: { 'docker.io': ['http://127.0.0.1:5000', 'http://127.0.0.1:5001'] },
    registriesConf: '/r.conf',
  });
  t.equal(fake.runOptions?.namespace, 'test');
});

t.test('run ends with the code of the container that failed and says why', async (t) => {
  const cases = [
    { result: { exitCode: 3, reason: 'Error' }, says: 'container "app" exited with code 3' },
    {
      result: { exitCode: 137, reason: 'OOMKilled' },
      says: 'container "app" was killed by the kernel for using more memory than its limit (OOMKilled)',
    },
    {
      result: { exitCode: 127, reason: 'StartError', message: 'exec /nope: no such file' },
      says: 'container "app" could not be started: exec /nope: no such file',
    },
    {
      result: { exitCode: 143, reason: 'Error' },
      signal: 15,
      says: 'container "app" was ended by signal 15 (SIGTERM)',
    },
  ];
  for (const { result, signal, says } of cases) {
    const terminated = {
      exitCode: result.exitCode,
      reason: result.reason,
      startedAt: null,
      finishedAt: null,
      ...(signal ? { signal } : {}),
    };
    const status = podStatus('Failed', { app: { terminated } });
    const fake = new FakePodrun([{ name: 'p', status, result: { phase: 'Failed', container: 'app', ...result } }]);
    t.same(await podrun(['run', 'x', '-q'], { podrun: fake }), {
      code: result.exitCode,
      out: '',
      err: `podrun: ${says}\n`,
    });
  }
});

t.test('run says why a Pod as a whole has failed', async (t) => {
  const fake = new FakePodrun([
    { name: 'p', result: { phase: 'Failed', exitCode: 125, reason: 'SandboxLost', message: 'the sandbox has died' } },
  ]);
  t.same(await podrun(['run', 'x'], { podrun: fake }), {
    code: 125,
    out: '',
    err: 'podrun: pod "p" failed: SandboxLost: the sandbox has died\n',
  });
});

t.test('run never takes a failed Pod for a success', async (t) => {
  const fake = new FakePodrun([{ name: 'p', result: { phase: 'Failed', exitCode: 0, reason: 'Evicted' } }]);
  t.equal((await podrun(['run', 'x'], { podrun: fake })).code, 125);
});

t.test('run shows notices and unusual events, all events with -v, none with -q', async (t) => {
  const events = () =>
    new FakePodrun([{ name: 'p' }], ({ onEvent }) => {
      onEvent?.({ type: 'notice', message: 'spec.nodeSelector means nothing here' });
      onEvent?.({
        type: 'event',
        level: 'Normal',
        reason: 'Started',
        message: 'Started container app',
        container: 'app',
      });
      onEvent?.({
        type: 'event',
        level: 'Warning',
        reason: 'BackOff',
        message: 'restarting \u001b[31min 10s',
        container: 'app',
      });
    });
  const usual =
    'podrun: spec.nodeSelector means nothing here\npodrun: container "app": BackOff: restarting [31min 10s\n';
  t.equal((await podrun(['run', 'x'], { podrun: events() })).err, usual);
  t.match((await podrun(['run', '-v', 'x'], { podrun: events() })).err, 'Started container app');
  t.equal((await podrun(['run', '-q', 'x'], { podrun: events() })).err, '');
});

t.test('the first Ctrl-C deletes gracefully, the second at once, and the status is 130', async (t) => {
  const fake = new FakePodrun([{ name: 'stubborn', endless: true }]);
  const process = new FakeProcess();
  const run = podrun(['run', 'x'], { podrun: fake, process });
  await until(() => fake.sources.length === 1);
  process.emit('SIGINT', 'SIGINT');
  await until(() => fake.handles[0]?.deletions.length === 1);
  t.same(fake.handles[0]?.deletions, [{}]);
  process.emit('SIGINT', 'SIGINT');
  const { code, err } = await run;
  t.same(fake.handles[0]?.deletions, [{}, { gracePeriodSeconds: 0, force: true }]);
  t.equal(code, 130);
  t.match(err, 'podrun: stopping, press Ctrl-C again to kill\n');
  t.same(process.eventNames(), []);
});

t.test('SIGTERM and SIGHUP stop it too, with their own status', async (t) => {
  for (const [signal, status] of [
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    const process = new FakeProcess();
    const fake = new FakePodrun([{ name: 'p', endless: true }]);
    const run = podrun(['run', 'x'], { podrun: fake, process });
    await until(() => fake.sources.length === 1);
    process.emit(signal, signal);
    t.equal((await run).code, status);
  }
});

t.test('a signal while the Pod is being started aborts that', async (t) => {
  const process = new FakeProcess();
  const fake = new FakePodrun([{ name: 'p' }], ({ signal }) => {
    process.emit('SIGINT', 'SIGINT');
    if (signal?.aborted) throw new PodrunError('ERR_PODRUN_CANCELLED', 'cancelled');
  });
  const { code, err } = await podrun(['run', 'x'], { podrun: fake, process });
  t.equal(code, 130);
  t.equal(err, 'podrun: stopping, press Ctrl-C again to kill\n');
});

t.test('an error of the embedding API ends with 125, message and hint', async (t) => {
  const fake = new FakePodrun([], () => {
    throw new PodrunError('ERR_PODRUN_NOT_ROOT', 'running a Pod needs root', { hint: 'run it with sudo' });
  });
  t.same(await podrun(['run', 'x'], { podrun: fake }), {
    code: 125,
    out: '',
    err: 'podrun: running a Pod needs root\nhint: run it with sudo\n',
  });
  t.equal(fake.closed, true);
});

t.test('a reader that goes away ends the Pod, quietly', async (t) => {
  const process = new FakeProcess();
  process.stdout.write = ((_chunk: Buffer, done: (error: Error) => void) => {
    setImmediate(() => done?.(Object.assign(new Error('broken pipe'), { code: 'EPIPE' })));
    return true;
  }) as never;
  const fake = new FakePodrun([{ name: 'p', endless: true, lines: [line('app', 'x')] }]);
  t.same(await podrun(['run', 'x'], { podrun: fake, process }), { code: 141, out: '', err: '' });
  t.equal(fake.handles[0]?.deletions.length, 1);
});

t.test('init containers count as containers', async (t) => {
  const status = podStatus('Running', {}, { initContainerStatuses: [containerStatus('init', {})] });
  const fake = new FakePodrun([{ name: 'p', containers: ['init', 'app'], status, lines: [line('init', 'x')] }]);
  t.equal((await podrun(['run', 'x'], { podrun: fake })).out, '[init] x\n');
});
