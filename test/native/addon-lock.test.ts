import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { addon, addonFile, failure, skipWithoutAddon } from '../helpers/addon.js';

/** A process that takes the lock, says so, and keeps it until it is killed. */
async function holdElsewhere(t: Test, path: string, shared = false): Promise<ChildProcess> {
  const script = `
    const held = require(${JSON.stringify(addonFile)}).lock(${JSON.stringify(path)}, { wait: false, shared: ${shared} });
    console.log(held === null ? 'refused' : 'held');
    setInterval(() => held.fd, 1e6);`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const [line] = await once(createInterface(child.stdout!), 'line');
  t.equal(line, 'held');
  return child;
}

/** Until somebody waits for the lock: an indented entry of /proc/locks. */
async function queued(path: string): Promise<void> {
  const entry = new RegExp(`-> FLOCK .*:${statSync(path).ino} `);
  const until = performance.now() + 5_000;
  while (!entry.test(readFileSync('/proc/locks', 'utf8'))) {
    if (performance.now() > until) throw new Error('nobody waits for the lock');
    await sleep(5);
  }
}

t.test('a lock', { skip: skipWithoutAddon }, async (t) => {
  const { lock } = addon();

  t.test('excludes other processes and is free again when its holder is killed', async (t) => {
    const path = join(t.testdir(), 'lock');
    const child = await holdElsewhere(t, path);
    t.equal(lock(path, { wait: false }), null);
    const waiting = lock(path, { wait: true });
    const first = await Promise.race([waiting.then(() => 'locked'), new Promise((r) => setImmediate(r, 'waiting'))]);
    t.equal(first, 'waiting');
    child.kill('SIGKILL');
    const held = await waiting;
    t.equal(lock(path, { wait: false }), null, 'and is ours then');
    held.close();
    held.close();
    t.equal(held.fd, -1);
    lock(path, { wait: false })!.close();
  });

  t.test('can be shared', async (t) => {
    const path = join(t.testdir(), 'lock');
    await holdElsewhere(t, path, true);
    const shared = lock(path, { wait: false, shared: true });
    t.ok(shared);
    t.equal(lock(path, { wait: false }), null);
    shared!.close();
  });

  t.test('is made for its owner alone', (t) => {
    const path = join(t.testdir(), 'lock');
    const umask = process.umask(0);
    lock(path, { wait: false })!.close();
    process.umask(umask);
    t.equal(statSync(path).mode & 0o777, 0o600);
    t.end();
  });

  t.test('on a file that was removed meanwhile is not mistaken for one on its successor', async (t) => {
    const path = join(t.testdir(), 'lock');
    const child = await holdElsewhere(t, path);
    const waiting = lock(path, { wait: true });
    await queued(path);
    rmSync(path);
    child.kill('SIGKILL');
    const held = await waiting;
    t.ok(existsSync(path));
    t.equal(lock(path, { wait: false }), null);
    held.close();
  });

  t.test('reports what keeps it from being taken', async (t) => {
    const path = join(t.testdir(), 'missing', 'lock');
    const expected = failure({ errno: 2, syscall: 'open', path });
    t.throws(() => lock(path, { wait: false }), expected);
    await t.rejects(lock(path, { wait: true }), expected);
    t.throws(() => lock(7 as never, { wait: false }), TypeError);
    t.throws(() => lock('a\0b', { wait: false }), TypeError);
    t.throws(() => lock(path, {} as never), TypeError);
  });
});
