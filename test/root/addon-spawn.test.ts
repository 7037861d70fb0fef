import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import type { SandboxStart } from '../../native/addon/addon.js';
import { addon, addonFile, compileFixture, failure, Holder, skipWithoutRoot } from '../helpers/addon.js';

t.test('startSandbox', { skip: skipWithoutRoot }, async (t) => {
  const { startSandbox, cgroupCreate, cgroupRemove, openPidfd } = addon();
  const binary = compileFixture('holder', t.testdir());
  const path = `podrun-test-spawn-${process.pid}`;
  const cgroup = cgroupCreate({ path }).unified;
  t.teardown(() => cgroupRemove(path));
  const start = (more: Partial<SandboxStart> = {}) => new Holder(startSandbox({ binary, cgroup, ...more }));

  t.test('gives the program nothing but what it needs', async (t) => {
    // From a process with descriptors that exec would pass on, another umask, another directory and ignored signals.
    const script = `
      process.umask(0o077);
      const started = require(${JSON.stringify(addonFile)}).startSandbox(${JSON.stringify({ binary, cgroup })});
      const socket = new (require('node:net').Socket)({ fd: started.controlFd });
      socket.pipe(process.stdout);
      socket.write('r');
      socket.on('data', (data) => String(data).endsWith('end\\n') && socket.end());`;
    const inherited = openSync('/etc/hostname', 'r');
    const stdio = ['ignore', 'pipe', 'inherit', inherited, inherited, 'ignore', 'ignore', inherited] as const;
    const child = spawn('sh', ['-c', 'trap \'\' USR2 PIPE; exec "$@"', 'sh', process.execPath, '-e', script], {
      cwd: t.testdir(),
      stdio: [...stdio],
    });
    closeSync(inherited);
    let report = '';
    for await (const data of child.stdout!) report += data;
    t.match(report.match(/^fd .*/gm), ['fd 0 /dev/null', 'fd 1 /dev/null', 'fd 2 /dev/null', /^fd 3 socket:/]);
    t.equal(report.match(/^fd /gm)!.length, 4);
    t.match(report, /^cwd \/$/m);
    t.match(report, /^umask 0022$/m);
    t.match(report, /^session 1$/m);
    t.match(report, /^environment empty$/m);
    for (const field of ['SigBlk', 'SigIgn', 'SigCgt'])
      t.match(report, new RegExp(`^${field}:\\s+0000000000000000$`, 'm'), field);
  });

  t.test('puts it into its own namespaces and into the cgroup', async (t) => {
    const space = (pid: number | 'self', name: string) => readlinkSync(`/proc/${pid}/ns/${name}`);
    const [alone, sharing] = [start(), start({ hostNetwork: true, hostIpc: true })];
    for (const name of ['mnt', 'uts', 'net', 'ipc']) t.not(space(alone.pid, name), space('self', name), name);
    for (const name of ['pid', 'user']) t.equal(space(alone.pid, name), space('self', name), name);
    for (const name of ['net', 'ipc']) t.equal(space(sharing.pid, name), space('self', name), name);
    for (const name of ['mnt', 'uts']) t.not(space(sharing.pid, name), space('self', name), name);
    t.match(readFileSync(`/proc/${alone.pid}/cgroup`, 'utf8'), new RegExp(`^0::/${path}$`, 'm'));
    await Promise.all([alone.end(), sharing.end()]);
  });

  t.test('runs a sealed copy, made anew when the file changes', async (t) => {
    const changing = join(t.testdir(), 'binary');
    writeFileSync(changing, readFileSync(binary), { mode: 0o755 });
    const first = start({ binary: changing });
    const image = `/proc/${first.pid}/exe`;
    t.match(readlinkSync(image), /^\/memfd:podrun-sandbox/);
    await first.end();
    const second = start({ binary: changing });
    const third = start({ binary: changing });
    t.equal(statSync(`/proc/${second.pid}/exe`).ino, statSync(`/proc/${third.pid}/exe`).ino, 'one copy per process');
    t.throws(() => writeFileSync(`/proc/${second.pid}/exe`, 'x'));
    writeFileSync(changing, 'no program any more');
    t.throws(
      () => startSandbox({ binary: changing, cgroup }),
      failure({ errno: 8, syscall: 'execveat', path: changing }),
    );
    await Promise.all([second.end(), third.end()]);
  });

  t.test('reports how it ended, and reaps it', async (t) => {
    const [code, killed, ignored] = [start(), start(), start()];
    const status = code.process.wait();
    code.ask('q42', 'never').catch(() => {});
    t.same(await status, { exitCode: 42, signal: null });
    const { pid } = ignored;
    t.equal(openPidfd(pid, readTicks(pid))!.signal(0), true);
    killed.process.signal(9);
    t.same(await killed.process.wait(), { exitCode: null, signal: 9 });
    t.equal(openPidfd(killed.pid), null, 'no zombie');
    // Nobody waits for this one.
    ignored.process.close();
    const other = openPidfd(pid)!;
    other.signal(9);
    t.same(await other.wait(), { exitCode: null, signal: null });
    await new Promise(setImmediate);
    t.equal(openPidfd(pid), null, 'reaped although it was closed');
  });

  t.test('leaves the SIGCHLD of other children to libuv', async (t) => {
    const child = spawn('sh', ['-c', 'exit 3']);
    const code = new Promise((resolve) => child.once('exit', resolve));
    const holders = Array.from({ length: 8 }, () => start());
    await Promise.all(holders.map((holder) => holder.end()));
    t.equal(await code, 3);
  });

  t.test('works in Workers, also several at once', async (t) => {
    const script = `
      const { startSandbox } = require(${JSON.stringify(addonFile)});
      const { parentPort, workerData } = require('node:worker_threads');
      (async () => {
        for (let i = 0; i < 5; i++) {
          const started = startSandbox(workerData);
          started.process.signal(9);
          const { signal } = await started.process.wait();
          new (require('node:net').Socket)({ fd: started.controlFd }).destroy();
          if (signal !== 9) throw new Error('signal ' + signal);
        }
        parentPort.postMessage('done');
      })();`;
    const workerData = { binary, cgroup };
    const workers = Array.from({ length: 3 }, () => new Worker(script, { eval: true, workerData }));
    const ends = workers.map((w) => new Promise((resolve, reject) => w.once('message', resolve).once('error', reject)));
    t.same(await Promise.all(ends), ['done', 'done', 'done']);
  });

  t.test('reports what went wrong, and where', async (t) => {
    const missing = join(t.testdir(), 'missing');
    t.throws(() => startSandbox({ binary: missing, cgroup }), failure({ errno: 2, syscall: 'stat', path: missing }));
    t.throws(() => startSandbox({ binary, cgroup: missing }), failure({ errno: 2, syscall: 'open', path: missing }));
    mkdirSync(missing);
    t.throws(() => startSandbox({ binary, cgroup: missing }), failure({ errno: 9, syscall: 'clone3', path: missing }));
    t.throws(() => startSandbox({ binary: 1, cgroup } as never), TypeError);
    t.throws(() => startSandbox(undefined as never), TypeError);
  });
});

function readTicks(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[19]);
}
