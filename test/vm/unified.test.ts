import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import t from 'tap';

const skip = process.env['PODRUN_TEST_VM'] ? false : 'only in the machine that `make test-vm` boots';
const hierarchy = '/sys/fs/cgroup';

t.test('the machine has every controller on the unified hierarchy', { skip }, async (t) => {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  t.match(mounts, / \/sys\/fs\/cgroup [^\n]* - cgroup2 /);
  t.notMatch(mounts, / - cgroup /);
  const controllers = readFileSync(`${hierarchy}/cgroup.controllers`, 'utf8').trim().split(' ');
  for (const controller of ['cpu', 'cpuset', 'io', 'memory', 'pids'])
    t.ok(controllers.includes(controller), controller);
});

t.test('the machine enforces a limit', { skip }, async (t) => {
  writeFileSync(`${hierarchy}/cgroup.subtree_control`, '+pids');
  const cgroup = `${hierarchy}/podrun-vm-check`;
  mkdirSync(cgroup);
  t.teardown(() => rmdirSync(cgroup));
  writeFileSync(`${cgroup}/pids.max`, '1');
  const fork = `echo $$ >${cgroup}/cgroup.procs; (true) 2>&1; echo survived`;
  const { status, stdout } = spawnSync('sh', ['-c', fork], { encoding: 'utf8' });
  t.not(status, 0);
  t.notMatch(stdout, 'survived');
});

t.test('the machine has the modules that Pods need', { skip }, async (t) => {
  const loaded = readdirSync('/sys/module');
  for (const module of ['overlay', 'veth', 'bridge', 'nf_tables', 'nft_masq']) t.ok(loaded.includes(module), module);
});
