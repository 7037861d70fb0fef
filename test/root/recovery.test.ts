import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { runCommand } from '../helpers/cli.js';
import { privateDirectories, rootSkip } from '../helpers/machine.js';

const uid = '11111111-2222-4333-8444-555555555555';

/** A podrun of its own, and a way to leave things behind in it. */
function setting() {
  const directories = privateDirectories();
  const make = (path: string, text?: string) => {
    mkdirSync(join(path, '..'), { recursive: true });
    if (text === undefined) mkdirSync(path, { recursive: true });
    else writeFileSync(path, text);
    return path;
  };
  return { directories, make, ps: () => runCommand(directories, ['ps', '-A']) };
}

test('the next command removes what a dead podrun left', { skip: rootSkip() }, async (t) => {
  await t.test('a state directory without anything in it', async (t) => {
    const { directories, make, ps } = setting();
    t.teardown(() => directories.remove());
    const left = make(join(directories.state, 'pods', uid));
    t.equal((await ps()).exitCode, 0);
    t.notOk(existsSync(left));
  });

  await t.test('a record that was not finished, its name, disk and log', async (t) => {
    const { directories, make, ps } = setting();
    t.teardown(() => directories.remove());
    make(join(directories.state, 'pods', uid, 'pod.json'), '{"metadata":{"na');
    make(join(directories.state, 'pods', uid, 'sandbox.json'), '');
    make(join(directories.state, 'names'));
    symlinkSync(uid, join(directories.state, 'names', 'default_web'));
    make(join(directories.root, 'pods', uid, 'containers', 'web', '0', 'upper', 'file'), 'x');
    const log = make(join(directories.logs, `default_web_${uid}`, 'web', '0.log'), 'x');
    t.equal((await ps()).exitCode, 0);
    t.same(readdirSync(join(directories.state, 'pods')), []);
    t.same(readdirSync(join(directories.state, 'names')), []);
    t.same(readdirSync(join(directories.root, 'pods')), []);
    t.notOk(existsSync(log));
  });

  await t.test('disk and log of a Pod whose state a reboot has taken, and no others', async (t) => {
    const { directories, make, ps } = setting();
    t.teardown(() => directories.remove());
    const other = '99999999-2222-4333-8444-555555555555';
    make(join(directories.root, 'pods', uid, 'state'), join(directories.state, 'pods', uid));
    const foreignState = make(join(directories.root, '..', 'other-state', 'pods', other));
    make(join(directories.root, 'pods', other, 'state'), foreignState);
    const log = make(join(directories.logs, `default_web_${uid}`, 'web', '0.log'), 'x');
    const foreignLog = make(join(directories.logs, `kube-system_dns_${other}`, 'dns', '0.log'), 'x');
    t.equal((await ps()).exitCode, 0);
    t.same(readdirSync(join(directories.root, 'pods')), [other]);
    t.notOk(existsSync(log));
    t.ok(existsSync(foreignLog));
  });

  await t.test('a process number that came back is not taken for the sandbox', async (t) => {
    const { directories, make, ps } = setting();
    t.teardown(() => directories.remove());
    make(join(directories.state, 'pods', uid, 'sandbox.json'), JSON.stringify({ pid: process.pid, startTicks: 1 }));
    t.equal((await ps()).exitCode, 0);
    t.same(readdirSync(join(directories.state, 'pods')), []);
    t.ok(process.kill(process.pid, 0));
  });
});
