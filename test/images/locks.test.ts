import { readdirSync, statSync } from 'node:fs';
import { test } from 'tap';
import { Locks } from '../../src/images/store/locks.js';
import { Store } from '../../src/images/store/store.js';
import { Limiter, TaskGroup } from '../../src/images/store/task-group.js';
import { Workspace } from '../../src/images/store/workspace.js';
import { imageNative, skipWithoutAddon } from '../helpers/image-native.js';

const never = new AbortController().signal;

test('a lock has one holder at a time, in the order of asking', { skip: skipWithoutAddon }, async (t) => {
  const directory = t.testdir({});
  // Two objects are as two processes: flock(2) belongs to the open file.
  const [here, there] = [new Locks(directory, imageNative()), new Locks(directory, imageNative())];
  const order: string[] = [];
  let holders = 0;
  const use = async (locks: Locks, name: string) => {
    const release = await locks.acquire('x', never);
    order.push(name);
    t.equal(++holders, 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    holders--;
    release();
  };
  await Promise.all([use(here, 'a'), use(here, 'b'), use(here, 'c'), use(there, 'd'), use(there, 'e')]);
  t.same(
    order.filter((name) => 'abc'.includes(name)),
    ['a', 'b', 'c'],
  );
  t.equal(order.length, 5);
  t.same(readdirSync(directory), [], 'no file is left');
});

test('who gives up waiting does not hold up the others', { skip: skipWithoutAddon }, async (t) => {
  const directory = t.testdir({});
  const [here, there] = [new Locks(directory, imageNative()), new Locks(directory, imageNative())];
  const release = await here.acquire('x', never);
  const reason = new Error('enough');
  const abort = new AbortController();
  const waiters = [here.acquire('x', abort.signal), there.acquire('x', abort.signal)];
  abort.abort(reason);
  for (const waiter of waiters) await t.rejects(waiter, reason);
  const next = here.acquire('x', never);
  release();
  (await next)();
  const last = await there.acquire('x', never);
  last();
  t.same(readdirSync(directory), []);
});

test('a workspace is removed with all that is in it, and that of a living pull is left alone', {
  skip: skipWithoutAddon,
}, async (t) => {
  const store = new Store(`${t.testdir({})}/store`);
  store.prepare();
  t.equal(statSync(store.root).mode & 0o777, 0o700);
  const one = await Workspace.open(store, imageNative());
  const two = await Workspace.open(store, imageNative());
  t.equal(readdirSync(store.ingest).length, 4, 'two directories with their locks');
  t.not(one.path('a'), one.path('a'));
  await one.close();
  t.equal(readdirSync(store.ingest).length, 2);
  await two.close();
  t.same(readdirSync(store.ingest), []);
});

test('tasks keep to the limit, and the first failure ends all', async (t) => {
  const limiter = new Limiter(2);
  const group = new TaskGroup(limiter, never);
  let running = 0;
  let most = 0;
  for (let i = 0; i < 6; i++) {
    group.add(async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running--;
    });
  }
  await group.done();
  t.equal(most, 2);

  const failing = new TaskGroup(limiter, never);
  const error = new Error('first');
  let started = 0;
  failing.add(() => Promise.reject(error));
  for (let i = 0; i < 4; i++) failing.add(async () => void started++);
  await t.rejects(failing.done(), error);
  t.ok(started < 4, 'what had not begun does not begin');
  t.ok(failing.signal.aborted);
});
