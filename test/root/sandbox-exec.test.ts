import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { OciProcess } from '../../src/plan/oci.js';
import { SandboxConnection, type SandboxEvent, SandboxRequestError } from '../../src/runtime/connection.js';
import { isRunning, sh, skipSandbox, TestSandbox } from '../helpers/sandbox.js';
import { processOf } from '../helpers/sandbox-config.js';

/** One exec session and what has come of it so far. */
class Session {
  readonly connection: SandboxConnection;
  readonly output = ['', '', ''];
  readonly pid: Promise<number>;
  readonly end: Promise<SandboxEvent>;

  constructor(connection: SandboxConnection, args: readonly string[], more: Partial<OciProcess>, stdin: boolean) {
    this.connection = connection;
    connection.onStream = (channel, payload) => {
      this.output[channel] += payload.toString('latin1');
    };
    this.end = new Promise((resolve, reject) => {
      connection.onEvent = resolve;
      connection.onClose = () => reject(new Error('closed without an end'));
    });
    this.end.catch(() => {});
    const params = { container: 'main', process: processOf(args, more), stdin };
    this.pid = connection.request<{ pid: number }>('exec', params).then(({ pid }) => pid);
    this.pid.catch(() => {});
  }

  write(text: string | Buffer): void {
    this.connection.send(0, Buffer.from(text));
  }
}

t.test('exec', { skip: skipSandbox }, async (t) => {
  const sandbox = await TestSandbox.open(t);
  await sandbox.start('main', ['sleep', '1000'], { limits: { memoryBytes: 64 << 20 } });
  const open = async (args: readonly string[], more: Partial<OciProcess> = {}, stdin = false) =>
    new Session(await SandboxConnection.connect(sandbox.socket), args, more, stdin);
  const terminal = { terminal: true, consoleSize: { width: 80, height: 24 } };
  const ends = async (t: Test, session: Session, exitCode: number, signal = 0) =>
    t.same(await session.end, { event: 'execExit', exitCode, signal });

  t.test('runs beside the main process, with streams of its own', async (t) => {
    const session = await open(sh('echo out; echo err >&2; exit 5'));
    await ends(t, session, 5);
    t.same(session.output, ['', 'out\n', 'err\n']);
  });

  t.test('gives the process no more than the container has', async (t) => {
    const script =
      'ls -l /proc/$$/fd; grep -E "^(Cap|Sig[BIC])" /proc/self/status; cat /proc/1/cgroup /proc/self/cgroup | sort -u | wc -l; cat /proc/1/cgroup | wc -l; readlink /proc/$$/root; readlink /proc/$$/cwd';
    const session = await open(sh(script), { cwd: '/tmp' });
    await ends(t, session, 0);
    const output = session.output[1]!;
    t.same(
      [...output.matchAll(/ (\d+) -> /g)].map((m) => m[1]),
      ['0', '1', '2'],
    );
    t.match(output, /^CapInh:\t0+\nCapPrm:\t0+a80425fb\n/m);
    t.match(output, /^SigBlk:\t0+\nSigIgn:\t0+\n/m);
    const [all, one] = output.trim().split('\n').slice(-4);
    t.equal(all, one, 'the same cgroups');
    t.match(output, /\n\/\n\/tmp\n$/);
  });

  t.test('tells what cannot be run, and leaves the connection for another try', async (t) => {
    const session = await open(['nothing']);
    const error = await session.pid.catch((error) => error);
    t.type(error, SandboxRequestError);
    t.match(error.failure, { exitCode: 127, path: 'nothing' });
    t.match(await session.connection.request('state'), { stopping: false });
    session.connection.close();
  });

  t.test('passes stdin on, whatever comes, and its end', async (t) => {
    const session = await open(['cat'], {}, true);
    const bytes = Buffer.alloc(1 << 20, 'some text, not too random. ');
    for (let i = 0; i < 8; i++) session.write(bytes);
    session.write('');
    await ends(t, session, 0);
    t.equal(session.output[1], bytes.toString('latin1').repeat(8));
  });

  t.test('keeps little for a client that does not read, and loses nothing', async (t) => {
    const session = await open(sh('head -c 8000000 /dev/zero'));
    session.connection.pause();
    await sleep(300);
    const resident = () => Number(/VmRSS:\s+(\d+)/.exec(status(sandbox.pid))![1]);
    t.ok(resident() < 2048, `${resident()} KiB`);
    session.connection.resume();
    await ends(t, session, 0);
    t.equal(session.output[1]!.length, 8_000_000);
  });

  t.test('has a terminal with a size, job control and an end of input', async (t) => {
    const session = await open(['sh'], terminal, true);
    session.write('tty; stty size\n');
    await until(session, /\/dev\/pts\/\d+\r\n24 80\r\n/);
    session.connection.send(4, Buffer.from('{"width":100,"height":50}'));
    session.write('stty size\n');
    await until(session, /50 100\r\n/);
    // It says that it is in the foreground itself: before that, the signal would be the shell's.
    session.write(`sh -c 'echo g""o; exec sleep 100'\n`);
    await until(session, /go\r\n/);
    session.write('\x03');
    session.write('exit 3\n');
    await ends(t, session, 3);
    const cat = await open(['cat'], terminal, true);
    cat.write('line\n');
    cat.write('');
    await ends(t, cat, 0);
    t.equal(cat.output[1], 'line\r\nline\r\n');
  });

  t.test('ends the process when the client goes', async (t) => {
    for (const more of [{}, terminal]) {
      const session = await open(['sleep', '1000'], more);
      const pid = await session.pid;
      session.connection.close();
      await gone(pid);
    }
    t.pass('gone');
  });

  t.test('does not wait for what the process leaves in the background', async (t) => {
    const before = performance.now();
    const session = await open(sh('sleep 1000 & echo started'));
    await ends(t, session, 0);
    t.equal(session.output[1], 'started\n');
    t.ok(performance.now() - before < 2000);
  });

  t.test('runs many at once, and leaves no descriptor', async (t) => {
    const before = sandbox.descriptors().length;
    const sessions = await Promise.all(Array.from({ length: 60 }, (_, i) => open(sh(`echo ${i}; exit ${i}`))));
    await Promise.all(sessions.map((session, i) => ends(t, session, i)));
    t.same(
      sessions.map((session) => session.output[1]),
      sessions.map((_, i) => `${i}\n`),
    );
    // It tells the end before it closes.
    while (sandbox.descriptors().length > before) await sleep(5);
  });

  t.test('ends with the container', async (t) => {
    const session = await open(['sleep', '1000']);
    await session.pid;
    await sandbox.connection.request('signal', { container: 'main', signal: 9 });
    await ends(t, session, 137, 9);
    t.equal((await sandbox.exit('main')).exitCode, 137);
    const late = await open(['true']);
    t.match((await late.pid.catch((error) => error)).failure, { message: /is not running/ });
    late.connection.close();
  });
});

const status = (pid: number) => readFileSync(`/proc/${pid}/status`, 'utf8');

function until(session: Session, text: RegExp): Promise<void> {
  const { connection, output } = session;
  const before = connection.onStream;
  return new Promise((resolve) => {
    const check = () => text.test(output[1]!) && resolve();
    connection.onStream = (channel, payload) => {
      before(channel, payload);
      check();
    };
    check();
  });
}

async function gone(pid: number): Promise<void> {
  while (isRunning(pid)) await sleep(5);
}
