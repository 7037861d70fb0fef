import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { assertNothingLeft, difference, leftSince, snapshot } from '../helpers/leaks.js';

const skip = process.geteuid?.() === 0 ? false : 'needs root';
const run = (program: string, ...args: readonly string[]) => execFileSync(program, args, { stdio: 'ignore' });
const places = () => {
  const base = mkdtempSync('/dev/shm/podrun-test-leaks-');
  t.teardown(() => rmSync(base, { recursive: true, force: true }));
  return { root: join(base, 'root'), state: join(base, 'state'), logs: join(base, 'logs') };
};

t.test('nothing is left when nothing has been done', { skip }, async (t) => {
  const where = places();
  const before = snapshot(where);
  t.same(difference(before, snapshot(where)), []);
});

t.test('what is left is found, kind by kind, and named', { skip }, async (t) => {
  const where = places();
  mkdirSync(where.state, { recursive: true });
  const before = snapshot(where);
  const cgroup = '/sys/fs/cgroup/unified/podrun-test-leak';
  const directory = process.env['PODRUN_TEST_VM'] ? '/sys/fs/cgroup/podrun-test-leak' : cgroup;
  run('ip', 'link', 'add', 'podleak0', 'type', 'veth', 'peer', 'name', 'podleak1');
  t.teardown(() => run('ip', 'link', 'del', 'podleak0'));
  run('ip', 'addr', 'add', '192.0.2.1/32', 'dev', 'podleak0');
  run('nft', 'add', 'table', 'ip', 'podleak');
  t.teardown(() => run('nft', 'delete', 'table', 'ip', 'podleak'));
  mkdirSync(directory);
  t.teardown(() => rmdirSync(directory));
  mkdirSync(join(where.state, 'pods', 'uid'), { recursive: true });
  writeFileSync(join(where.state, 'pods', 'uid', 'pod.json'), '{}');
  writeFileSync(join(where.state, 'lock'), '');
  run('mount', '-t', 'tmpfs', 'podleak', where.state);
  run('umount', where.state);
  const left = difference(before, snapshot(where));
  for (const line of [
    'interfaces: podleak0',
    'interfaces: podleak1',
    `cgroups: ${directory}`,
    'rules: table ip podleak {',
  ]) {
    t.ok(left.includes(line), line);
  }
  t.ok(left.some((line) => line.startsWith('addresses: ') && line.includes('192.0.2.1')));
  t.same(
    left.filter((line) => line.startsWith('files: ')),
    [`files: ${where.state}/pods/uid`, `files: ${where.state}/pods/uid/pod.json`],
    'locks and directories at the top are kept',
  );
  t.notOk(left.some((line) => line.startsWith('mounts: ')));
});

t.test('a mount that stays is found', { skip }, async (t) => {
  const where = places();
  mkdirSync(where.state, { recursive: true });
  const before = snapshot(where);
  run('mount', '-t', 'tmpfs', 'podleak', where.state);
  t.teardown(() => run('umount', where.state));
  await t.rejects(assertNothingLeft(before, where), { message: new RegExp(`mounts: ${where.state} `) });
});

t.test('what the kernel takes away a little later is waited for', { skip }, async (t) => {
  const where = places();
  const before = snapshot(where);
  run('ip', 'link', 'add', 'podleak2', 'type', 'veth', 'peer', 'name', 'podleak3');
  t.not(difference(before, snapshot(where)).length, 0);
  setTimeout(() => run('ip', 'link', 'del', 'podleak2'), 200);
  t.same(await leftSince(before, where), []);
});
