import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { addon, addonFile, failure, skipWithoutAddon } from '../helpers/addon.js';
import { run } from '../helpers/command.js';

const ticks = (pid: number) => Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[19]);
const load = `const addon = require(${JSON.stringify(addonFile)});`;

t.test('a pidfd', { skip: skipWithoutAddon }, async (t) => {
  const { openPidfd } = addon();

  t.test('tells when a process that is not its child has ended, and leaves it to its parent', async (t) => {
    const child = spawn('sleep', ['100']);
    const exited = once(child, 'exit');
    const pidfd = openPidfd(child.pid!)!;
    t.equal(pidfd.pid, child.pid);
    const ended = pidfd.wait();
    t.equal(pidfd.wait(), ended, 'one promise however often it is asked for');
    t.equal(pidfd.signal(0), true);
    t.equal(pidfd.signal(15), true);
    t.same(await ended, { exitCode: null, signal: null });
    t.same(await exited, [null, 'SIGTERM'], 'Node has learnt of it too');
    t.equal(pidfd.signal(15), false);
    pidfd.close();
    pidfd.close();
    t.throws(() => pidfd.signal(0), failure({ errno: 9, syscall: 'pidfd_send_signal' }));
  });

  t.test('knows a process by its start time', async (t) => {
    const child = spawn('sleep', ['100']);
    const exited = once(child, 'exit');
    const start = ticks(child.pid!);
    openPidfd(child.pid!, start)!.close();
    t.equal(openPidfd(child.pid!, start + 1), null);
    child.kill();
    await exited;
    t.equal(openPidfd(child.pid!), null);
    t.throws(() => openPidfd(-1), TypeError);
    t.throws(() => openPidfd(1.5), TypeError);
  });

  t.test('rejects what waits for it when it is closed', async (t) => {
    const child = spawn('sleep', ['100']);
    const pidfd = openPidfd(child.pid!)!;
    const ended = pidfd.wait();
    pidfd.close();
    await t.rejects(ended, failure({ errno: 125 }));
    child.kill();
  });

  t.test('keeps the event loop alive while it waits, unless it is told not to', async (t) => {
    const child = spawn('sleep', ['100']);
    const unrefed = `${load} const p = addon.openPidfd(${child.pid}); p.wait(); p.unref();`;
    await run(process.execPath, ['-e', unrefed]);
    const end = `${load} addon.openPidfd(${child.pid}).wait().then(() => console.log('ended')); console.log('waiting');`;
    const waiter = spawn(process.execPath, ['-e', end], { stdio: ['ignore', 'pipe', 'inherit'] });
    const said = createInterface(waiter.stdout);
    t.same(await once(said, 'line'), ['waiting']);
    child.kill();
    t.same(await once(said, 'line'), ['ended']);
  });

  t.test('and locks can be left pending in Workers that are terminated', async (t) => {
    const path = join(t.testdir(), 'lock');
    const held = addon().lock(path, { wait: false })!;
    const script = `${load}
      addon.lock(${JSON.stringify(path)}, { wait: true });
      addon.openPidfd(process.pid).wait();
      require('node:worker_threads').parentPort.postMessage('waiting');`;
    const workers = Array.from({ length: 4 }, () => new Worker(script, { eval: true }));
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    await Promise.all(workers.map((worker) => worker.terminate()));
    held.close();
    // The threads of the dead Workers get the lock one after the other, find nobody to give it to, and let it go.
    (await addon().lock(path, { wait: true })).close();
    t.pass('nobody crashed');
  });
});
