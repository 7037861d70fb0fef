import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import type { CreatedCgroup } from '../../native/addon/addon.js';
import { addon, failure, skipWithoutRoot } from '../helpers/addon.js';

const MiB = 1024 * 1024;

/** A process in the cgroup and in the v1 hierarchies it needs, as a container's init gets there. */
async function runIn(t: Test, created: CreatedCgroup, program: string): Promise<ChildProcess> {
  const join = [...created.tasks, `${created.unified}/cgroup.procs`].map((file) => `echo 0 > ${file}`).join(' && ');
  const child = spawn('sh', ['-c', `${join} && echo joined && ${program}`], { stdio: ['ignore', 'pipe', 'ignore'] });
  t.teardown(() => child.kill('SIGKILL'));
  t.same(await once(createInterface(child.stdout!), 'line'), ['joined']);
  return child;
}

t.test('cgroups', { skip: skipWithoutRoot }, async (t) => {
  const { cgroupLayout, cgroupCreate, cgroupUpdate, cgroupStat, cgroupKill, cgroupRemove, cgroupList } = addon();
  const layout = cgroupLayout();
  const top = `podrun-test-cgroup-${process.pid}`;
  t.teardown(async () => {
    cgroupKill(top);
    await cgroupRemove(top);
  });
  /** Where a controller's files for `path` are. */
  const directory = (controller: string, path: string) => join(layout.v1[controller] ?? layout.unified, path);
  const read = (controller: string, path: string, file: string) =>
    readFileSync(join(directory(controller, path), file), 'utf8').trim();
  const everywhere = (path: string) =>
    [layout.unified, ...new Set(Object.values(layout.v1))].filter((mount) => existsSync(join(mount, path)));

  t.test('are found where the machine mounts them', (t) => {
    t.equal(layout.mode, Object.keys(layout.v1).length > 0 ? 'hybrid' : 'v2');
    t.ok(existsSync(join(layout.unified, 'cgroup.controllers')));
    for (const controller of ['cpu', 'memory', 'pids']) t.ok(layout.controllers.includes(controller), controller);
    for (const mount of Object.values(layout.v1)) t.ok(existsSync(join(mount, 'tasks')), mount);
    t.end();
  });

  t.test('get the limits that were asked for, written to the kernel', (t) => {
    const path = `${top}/limits/a.0`;
    const limits = { cpuQuotaUs: 50_000, cpuPeriodUs: 100_000, cpuShares: 512, memoryBytes: 64 * MiB, pidsMax: 33 };
    const created = cgroupCreate({ path, limits: { ...limits, noSwap: true, oomGroup: true } });
    t.equal(created.unified, join(layout.unified, path));
    t.equal(read('pids', path, 'pids.max'), '33');
    if (layout.v1['cpu']) {
      t.equal(read('cpu', path, 'cpu.cfs_quota_us'), '50000');
      t.equal(read('cpu', path, 'cpu.cfs_period_us'), '100000');
      t.equal(read('cpu', path, 'cpu.shares'), '512');
    } else {
      t.equal(read('cpu', path, 'cpu.max'), '50000 100000');
      t.equal(read('cpu', path, 'cpu.weight'), '59');
    }
    if (layout.v1['memory']) {
      t.equal(read('memory', path, 'memory.limit_in_bytes'), `${64 * MiB}`);
      const withSwap = join(directory('memory', path), 'memory.memsw.limit_in_bytes');
      if (existsSync(withSwap)) t.equal(readFileSync(withSwap, 'utf8').trim(), `${64 * MiB}`);
      t.equal(created.oomEvents, join(directory('memory', path), 'memory.oom_control'));
    } else {
      t.equal(read('memory', path, 'memory.max'), `${64 * MiB}`);
      t.equal(read('memory', path, 'memory.oom.group'), '1');
      t.equal(created.oomEvents, join(created.unified, 'memory.events'));
    }
    const v1 = ['cpu', 'memory', 'pids'].flatMap((name) => layout.v1[name] ?? []);
    t.same(
      created.tasks,
      [...new Set(v1)].map((mount) => join(mount, path, 'tasks')),
    );
    t.end();
  });

  t.test('are only made where their limits, or those of the parent, need them', (t) => {
    const plain = cgroupCreate({ path: `${top}/few/a.0` });
    t.same(plain.tasks, []);
    t.notOk('oomEvents' in plain);
    t.same(everywhere(`${top}/few/a.0`), [layout.unified]);
    const pids = cgroupCreate({ path: `${top}/few/b.0`, limits: { pidsMax: 5 } });
    t.same(pids.tasks, layout.v1['pids'] ? [join(layout.v1['pids'], top, 'few/b.0/tasks')] : []);
    cgroupCreate({ path: `${top}/limited`, limits: { memoryBytes: 64 * MiB } });
    const child = cgroupCreate({ path: `${top}/limited/a.0` });
    t.same(child.tasks, layout.v1['memory'] ? [join(layout.v1['memory'], top, 'limited/a.0/tasks')] : []);
    t.same(cgroupList(`${top}/few`), ['a.0', 'b.0']);
    t.same(cgroupList(`${top}/nothing`), []);
    t.end();
  });

  t.test(
    'translate shares to the weight of cgroup v2',
    { skip: layout.v1['cpu'] ? 'cpu is on v1 here' : false },
    (t) => {
      const path = `${top}/weights`;
      cgroupCreate({ path, limits: { cpuShares: 2 } });
      const weights = { 0: 1, 2: 1, 102: 17, 256: 35, 512: 59, 1024: 100, 2048: 174, 262144: 10_000, 300000: 10_000 };
      for (const [shares, weight] of Object.entries(weights)) {
        cgroupUpdate({ path, limits: { cpuShares: Number(shares) } });
        t.equal(read('cpu', path, 'cpu.weight'), `${weight}`, `${shares} shares`);
      }
      t.end();
    },
  );

  t.test('take other limits while they exist, larger and smaller', (t) => {
    const path = `${top}/updates`;
    const file = layout.v1['memory'] ? 'memory.limit_in_bytes' : 'memory.max';
    const quota = () =>
      layout.v1['cpu']
        ? `${read('cpu', path, 'cpu.cfs_quota_us')} ${read('cpu', path, 'cpu.cfs_period_us')}`
        : read('cpu', path, 'cpu.max');
    cgroupCreate({ path, limits: { memoryBytes: 64 * MiB, noSwap: true, cpuQuotaUs: 50_000, cpuPeriodUs: 100_000 } });
    for (const size of [128, 32]) {
      cgroupUpdate({ path, limits: { memoryBytes: size * MiB, noSwap: true } });
      t.equal(read('memory', path, file), `${size * MiB}`);
    }
    cgroupUpdate({ path, limits: { cpuQuotaUs: 1_000, cpuPeriodUs: 2_000 } });
    t.equal(quota(), '1000 2000');
    t.throws(
      () => cgroupUpdate({ path: `${top}/none`, limits: { pidsMax: 1 } }),
      failure({ errno: 2, syscall: 'open' }),
    );
    t.end();
  });

  t.test('count what runs in them and kill it when there is too much', async (t) => {
    const path = `${top}/count`;
    const created = cgroupCreate({ path, limits: { memoryBytes: 32 * MiB, noSwap: true, oomGroup: true } });
    t.match(cgroupStat(path), { populated: false, oomKills: 0 });
    const child = await runIn(t, created, 'i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; exec tail /dev/zero');
    t.equal(cgroupStat(path).populated, true);
    t.same(await once(child, 'exit'), [null, 'SIGKILL']);
    const stat = cgroupStat(path);
    t.ok(stat.oomKills >= 1, `${stat.oomKills}: on v2 the group is killed, and each process counts`);
    t.ok(stat.cpuUsageUs > 5_000, `${stat.cpuUsageUs} us of cpu`);
    t.throws(() => cgroupStat(`${top}/none`), failure({ errno: 2, path: join(layout.unified, top, 'none') }));
  });

  t.test('end with everything in them', async (t) => {
    const path = `${top}/end`;
    const created = cgroupCreate({ path: `${path}/a/b`, limits: { memoryBytes: 64 * MiB, pidsMax: 9 } });
    const child = await runIn(t, created, 'trap "" TERM; sleep 100 & wait');
    const removed = cgroupRemove(path);
    const first = await Promise.race([removed.then(() => 'removed'), once(child, 'exit'), tick(1_200)]);
    t.equal(first, 'tick', 'waits for what runs there');
    const exit = once(child, 'exit');
    cgroupKill(path);
    t.same(await exit, [null, 'SIGKILL']);
    await removed;
    t.same(everywhere(path), []);
    cgroupKill(path);
    await cgroupRemove(path);
  });

  t.test('thaw before they are killed', { skip: !layout.v1['freezer'] && 'no v1 freezer' }, async (t) => {
    const path = `${top}/frozen`;
    const created = cgroupCreate({ path });
    const freezer = join(layout.v1['freezer']!, path);
    mkdirSync(freezer, { recursive: true });
    const child = await runIn(t, { ...created, tasks: [join(freezer, 'tasks')] }, 'sleep 100');
    writeFileSync(join(freezer, 'freezer.state'), 'FROZEN');
    const exit = once(child, 'exit');
    cgroupKill(path);
    t.same(await exit, [null, 'SIGKILL']);
    await cgroupRemove(path);
    t.notOk(existsSync(freezer));
  });

  t.test('leave nothing behind when a limit is refused', (t) => {
    const path = `${top}/refused/a.0`;
    t.throws(
      () => cgroupCreate({ path, limits: { pidsMax: 3, cpuQuotaUs: 1 } }),
      failure({ errno: 22, syscall: 'write' }),
    );
    t.same(everywhere(`${top}/refused`), []);
    t.end();
  });

  t.test('are never those of another program', async (t) => {
    const names = ['', '/', 'system.slice', '/podrun', 'podrun/', 'podrun//a', 'podrun/../a', 'podrun/.', '../podrun'];
    for (const path of names) {
      t.throws(() => cgroupCreate({ path }), TypeError, path);
      t.throws(() => cgroupKill(path), TypeError, path);
      t.throws(() => cgroupRemove(path), TypeError, path);
    }
    t.throws(() => cgroupCreate({ path: top, limits: { pidsMax: 1.5 } }), TypeError);
    t.throws(() => cgroupCreate({ path: top, limits: { memoryBytes: -1 } }), TypeError);
  });
});

const tick = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms, 'tick'));
