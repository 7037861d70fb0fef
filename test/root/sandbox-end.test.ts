import { readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { SandboxConnection } from '../../src/runtime/connection.js';
import { addon } from '../helpers/addon.js';
import { isRunning, sh, skipSandbox, TestSandbox } from '../helpers/sandbox.js';

const polite = sh('trap "exit 4" TERM; echo ready; while :; do sleep 0.01; done');
const record = (bundle: string) => JSON.parse(readFileSync(join(bundle, 'exit.json'), 'utf8'));

t.test('the end of a sandbox', { skip: skipSandbox }, async (t) => {
  const asked: Record<string, (sandbox: TestSandbox) => unknown> = {
    'loses its supervisor': (sandbox) => sandbox.connection.close(),
    'gets SIGTERM': (sandbox) => sandbox.started.process.signal(15),
  };
  for (const [reason, ask] of Object.entries(asked))
    t.test(`that ${reason} is graceful, and final after the grace period`, async (t) => {
      const sandbox = await TestSandbox.open(t);
      const requests = [sandbox.request('polite', polite), sandbox.request('deaf', ['sleep', '1000'])];
      for (const request of requests) await sandbox.connection.request('start', request);
      await sandbox.said('polite', 'ready');
      const before = performance.now();
      ask(sandbox);
      t.same(await sandbox.ended(), { exitCode: 0, signal: null });
      const ms = performance.now() - before;
      t.ok(ms > 950 && ms < 5000, `${ms} ms of 1000 ms grace`);
      const [first, second] = requests.map((request) => record(request.bundle));
      t.match(first, { exitCode: 4, signal: 0 });
      t.match(second, { exitCode: 137, signal: 9 });
    });

  t.test('that is asked to shut down is immediate, with its records written', async (t) => {
    const sandbox = await TestSandbox.open(t, { graceSeconds: 1000 });
    const request = sandbox.request('deaf', ['sleep', '1000']);
    await sandbox.connection.request('start', request);
    sandbox.connection.request('shutdown').catch(() => {});
    t.match(await sandbox.exit('deaf'), { exitCode: 137 });
    t.same(await sandbox.ended(), { exitCode: 0, signal: null });
    t.match(record(request.bundle), { exitCode: 137 });
  });

  t.test('may be left to others, who come by its socket', async (t) => {
    const sandbox = await TestSandbox.open(t, { onSupervisorLoss: 'keep' });
    const { pid } = await sandbox.start('kept', ['sleep', '1000']);
    sandbox.connection.close();
    t.equal(statSync(sandbox.socket).mode & 0o777, 0o600);
    const connection = await SandboxConnection.connect(sandbox.socket);
    t.match(await connection.request('state'), { containers: [{ name: 'kept', running: true, pid }], stopping: false });
    const exit = new Promise((resolve) => {
      connection.onEvent = resolve;
    });
    await connection.request('subscribe');
    await connection.request('signal', { container: 'kept', signal: 9 });
    t.match(await exit, { event: 'exit', container: 'kept', exitCode: 137 });
    connection.close();
  });

  t.test('by SIGKILL takes its containers along, at any moment', async (t) => {
    for (let i = 0; i < 20; i++) {
      const sandbox = await TestSandbox.open(t);
      const request = sandbox.request('c', ['sleep', '1000'], { process: { user: { uid: i % 2, gid: 0 } } });
      sandbox.connection.request('start', request).catch(() => {});
      await sleep(Math.random() * 3);
      sandbox.started.process.signal(9);
      await sandbox.ended();
      const inside = () => readFileSync(`${request.cgroup.unified}/cgroup.procs`, 'utf8').trim().split('\n');
      while (inside().some((pid) => pid !== '' && isRunning(Number(pid)))) await sleep(5);
    }
    t.pass('nothing runs');
  });

  t.test('leaves nothing of 200 starts, a third of which fail', async (t) => {
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
    const sandbox = await TestSandbox.open(t);
    const before = sandbox.descriptors();
    for (let i = 0; i < 200; i++) {
      if (i % 3 === 0) {
        await sandbox.refusal(['nothing']);
      } else {
        await sandbox.start('again', ['true'], { attempt: i });
        t.match(await sandbox.exit('again'), { exitCode: 0, attempt: i });
      }
    }
    t.ok(sandbox.descriptors().length <= before.length);
    t.equal(readFileSync(`/proc/${sandbox.pid}/task/${sandbox.pid}/children`, 'utf8'), '');
    t.equal(readFileSync('/proc/self/mountinfo', 'utf8'), mounts);
    const pss = Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${sandbox.pid}/smaps_rollup`, 'utf8'))![1]);
    t.ok(pss <= 1024, `${pss} KiB of memory`);
  });
});

t.test('the supervising connection', { skip: skipSandbox }, async (t) => {
  t.test('can leave two descriptors with the sandbox, which no container gets', async (t) => {
    const sandbox = await TestSandbox.open(t);
    const { frame, promise } = sandbox.connection.prepare('holdFds');
    addon().passFds(sandbox.started.controlFd, frame, [1, 1]);
    await promise;
    const [, , , , hub, rules] = sandbox.descriptors();
    t.equal(hub, rules);
    t.not(hub, '/dev/null');
    const script = 'for fd in 0 1 2 3 4 5 6 7 8; do [ -L /proc/1/fd/$fd ] && echo $fd; done';
    t.equal(await sandbox.output(script), '0\n1\n2\n');
  });

  t.test('answers in order', async (t) => {
    const sandbox = await TestSandbox.open(t);
    const order: string[] = [];
    const ask = (method: string, params: object) =>
      sandbox.connection.request(method, params).then(() => order.push(method));
    await Promise.all([
      ask('start', sandbox.request('c', ['sleep', '1000'])),
      ask('state', {}),
      ask('signal', { container: 'c', signal: 9 }),
    ]);
    t.same(order, ['start', 'state', 'signal']);
  });

  t.test('and others are closed when they speak something else', async (t) => {
    const sandbox = await TestSandbox.open(t);
    for (const nonsense of ['GET / HTTP/1.1\r\n\r\n', '\xff\xff\xff\xff\x09{}', '\0\0\0\x01\x07x']) {
      const socket = connect(sandbox.socket);
      const closed = new Promise((resolve) => socket.on('close', resolve));
      socket.on('error', () => {}).end(Buffer.from(nonsense, 'latin1'));
      await closed;
    }
    t.match(await sandbox.connection.request('state'), { stopping: false });
    const unknown = await sandbox.connection.request('dance').catch((error) => error.failure);
    t.match(unknown, { errno: 0, message: /no such method/ });
  });
});
