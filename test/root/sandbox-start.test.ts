import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { addon } from '../helpers/addon.js';
import { sh, skipSandbox, TestSandbox } from '../helpers/sandbox.js';
import { bind } from '../helpers/sandbox-config.js';

t.test('a container', { skip: skipSandbox }, async (t) => {
  const sandbox = await TestSandbox.open(t);

  t.test('ends with the exit code of its program, on record before the event', async (t) => {
    const { exitCode, signal, bundle, ...rest } = await sandbox.run(sh('exit 7'));
    t.same({ exitCode, signal }, { exitCode: 7, signal: 0 });
    const record = JSON.parse(readFileSync(join(bundle, 'exit.json'), 'utf8'));
    const { oomKilled, lostLogBytes, pid, startedAt, finishedAt } = rest;
    t.same(record, { exitCode, signal, oomKilled, lostLogBytes, pid, startedAt, finishedAt });
    t.equal(lostLogBytes, 0);
  });

  t.test('is signalled, and killed as a whole', async (t) => {
    const script = 'trap "exit 3" TERM; echo ready; while :; do sleep 0.01; done';
    await sandbox.start('trap', sh(script));
    await sandbox.said('trap', 'ready');
    await sandbox.connection.request('signal', { container: 'trap', signal: 15 });
    t.equal((await sandbox.exit('trap')).exitCode, 3);
    await sandbox.start('kill', ['sleep', '1000']);
    t.same(await sandbox.connection.request('signal', { container: 'kill', signal: 9, all: true }), { sent: true });
    t.match(await sandbox.exit('kill'), { exitCode: 137, signal: 9, oomKilled: false });
    t.same(await sandbox.connection.request('signal', { container: 'kill', signal: 9 }), { sent: false });
  });

  t.test('that cannot run its program says so as a shell does, with the path tried', async (t) => {
    const layer = sandbox.layer((root) => {
      mkdirSync(join(root, 'bin'));
      writeFileSync(join(root, 'bin/garbage'), '\0garbage', { mode: 0o755 });
      writeFileSync(join(root, 'bin/orphan'), '#!/no/interpreter\n', { mode: 0o755 });
      writeFileSync(join(root, 'bin/plain'), 'x', { mode: 0o644 });
    });
    const refusal = (program: string) => sandbox.refusal([program], { layers: [layer] });
    t.match(await refusal('nothing'), { exitCode: 127, errno: 2, path: 'nothing', message: 'not in PATH /bin' });
    t.match(await refusal('/bin/nothing'), { exitCode: 127, errno: 2, path: '/bin/nothing', syscall: 'execve' });
    t.match(await refusal('orphan'), { exitCode: 127, path: '/bin/orphan', message: /interpreter/ });
    t.match(await refusal('garbage'), { exitCode: 126, errno: 8, path: '/bin/garbage', message: /exec format/ });
    t.match(await refusal('plain'), { exitCode: 126, errno: 13, path: '/bin/plain' });
    t.match(await refusal('/bin'), { exitCode: 126, errno: 21, path: '/bin' });
  });

  t.test('has the default capabilities and nothing to inherit', async (t) => {
    const show = 'grep ^Cap /proc/self/status';
    const sets = (text: string) =>
      Object.fromEntries([...text.matchAll(/^Cap(\w+):\t0*(\w+)$/gm)].map((m) => m.slice(1)));
    const all = 'a80425fb';
    t.same(sets(await sandbox.output(show)), { Inh: '0', Prm: all, Eff: all, Bnd: all, Amb: '0' });
    const user = { uid: 1000, gid: 1000, additionalGids: [1000, 7], umask: 0o27 };
    const output = await sandbox.output(`${show}; id; umask; echo seen >/dev/stdout`, { process: { user } });
    t.same(sets(output), { Inh: '0', Prm: '0', Eff: '0', Bnd: all, Amb: '0' });
    t.match(output, /uid=1000 gid=1000 groups=7,1000\n0027\nseen\n/);
  });

  t.test('has three descriptors, default signals and its own /dev/null', async (t) => {
    const output = await sandbox.output(
      'exec 9</; ls -l /proc/1/fd; grep ^Sig[BIC] /proc/1/status; stat -c %d /dev/null; stat -L -c %d /proc/1/fd/0',
    );
    // The shell's own 9 shows that the listing is complete.
    t.same([...output.matchAll(/ (\d+) -> /g)].map((m) => m[1]).sort(), ['0', '1', '2', '9']);
    for (const [, mask] of output.matchAll(/^SigBlk:\t(\w+)|^SigIgn:\t(\w+)/gm)) t.notOk(Number(mask ?? 0));
    const [own, stdin] = output.trim().split('\n').slice(-2);
    t.equal(stdin, own);
  });

  t.test('cannot change what is masked or read-only', async (t) => {
    const script = `
      cat /proc/keys /proc/timer_list /proc/interrupts | wc -c
      ls /sys/firmware /proc/acpi 2>/dev/null | grep -v : | wc -w
      for path in /proc/sys/kernel/core_pattern /proc/irq/x /sys/x /sys/fs/cgroup/x; do echo x 2>/dev/null >$path || echo refused; done
      mount -t tmpfs x /tmp 2>/dev/null || echo refused`;
    t.equal(await sandbox.output(script), `0\n0\n${'refused\n'.repeat(5)}`);
    const mode = statSync('/dev/null').mode;
    await sandbox.output('chmod 600 /proc/keys /dev/null');
    t.equal(statSync('/dev/null').mode, mode, "the device node is the container's own");
  });

  t.test('has the root, the working directory and the limits of its config', async (t) => {
    const rlimits = [{ type: 'RLIMIT_NOFILE', soft: 123, hard: 456 }];
    const options = { readOnlyRoot: true, process: { cwd: '/made/here', rlimits, noNewPrivileges: true } };
    const script =
      'pwd; ulimit -n; ulimit -Hn; grep NoNew /proc/self/status; touch /x 2>/dev/null || echo refused; hostname';
    t.equal(await sandbox.output(script, options), '/made/here\n123\n456\nNoNewPrivs:\t1\nrefused\nweb\n');
  });

  t.test('shares /dev/shm with the others of its Pod', async (t) => {
    await sandbox.output('echo hello >/dev/shm/x');
    t.equal(
      await sandbox.output('cat /dev/shm/x; grep " /dev/shm " /proc/mounts | cut -d" " -f4'),
      'hello\nrw,nosuid,nodev,noexec,relatime,size=1024k' +
        (/inode64/.test(readFileSync('/proc/mounts', 'utf8')) ? ',inode64\n' : '\n'),
    );
    t.notOk(existsSync(join(sandbox.directory, 'shm/x')), 'on the host there is no mount');
  });

  t.test('killed for lack of memory says so', async (t) => {
    const limits = { memoryBytes: 32 << 20, noSwap: true };
    t.match(await sandbox.run(sh('exec tail -c 200m /dev/zero'), { limits }), {
      exitCode: 137,
      signal: 9,
      oomKilled: true,
    });
    t.match(await sandbox.run(sh('exit 137'), { limits }), { exitCode: 137, oomKilled: false });
  });

  t.test('is refused for a field that is not known, and while it runs', async (t) => {
    const failure = await sandbox.refusal(['true'], { edit: (config) => ({ ...config, hooks: {} }) });
    t.match(failure, { exitCode: 128, message: 'config.json.hooks: unknown field' });
    const edited = await sandbox.refusal(['true'], {
      process: { capabilities: { ...noCapabilities, effective: ['CAP_X'] } },
    });
    t.match(edited.message, 'no such capability: CAP_X');
    t.match(await sandbox.refusal(['true'], { request: { container: 'Not_A_Name' } }), {
      message: /not a container name/,
    });
    await sandbox.start('twice', ['sleep', '1000']);
    t.match(await sandbox.refusal(['true'], { request: { container: 'twice' } }), { message: /has not ended/ });
  });

  t.test('loads its seccomp filter, with and without no_new_privs', async (t) => {
    const path = join(sandbox.directory, 'filter.bpf');
    const profile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 95 }],
    };
    writeFileSync(path, await addon().compileSeccomp(JSON.stringify(profile)));
    for (const noNewPrivileges of [false, true]) {
      const options = { request: { seccompBpf: path }, process: { noNewPrivileges, user: { uid: 1000, gid: 1000 } } };
      const output = await sandbox.output('mkdir /tmp/x; grep ^Seccomp: /proc/self/status', options);
      t.match(output, /supported\nSeccomp:\t2/, `noNewPrivileges ${noNewPrivileges}`);
    }
    const names = ['capset', 'capget', 'poll', 'sendmsg', 'close_range'];
    const strict = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names, action: 'SCMP_ACT_KILL_PROCESS' }] };
    writeFileSync(path, await addon().compileSeccomp(JSON.stringify(strict)));
    const options = { request: { seccompBpf: path }, process: { noNewPrivileges: true } };
    t.equal((await sandbox.run(['true'], options)).exitCode, 0, 'nothing of ours but execve comes after the filter');
  });
});

const noCapabilities = { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] };

t.test('an image with malice', { skip: skipSandbox }, async (t) => {
  const sandbox = await TestSandbox.open(t);
  const canary = join(sandbox.directory, 'canary');
  writeFileSync(canary, 'untouched');

  for (const name of ['proc', 'sys', 'dev'])
    t.test(`cannot have anything but a directory for /${name}`, async (t) => {
      for (const target of ['/', '/tmp', '../../..', sandbox.directory, '/proc/self/fd/3']) {
        const layer = sandbox.layer((root) => symlinkSync(target, join(root, name)));
        t.match(
          await sandbox.refusal(['true'], { layers: [layer] }),
          { exitCode: 128, step: `mount /${name}` },
          target,
        );
      }
      const layer = sandbox.layer((root) => writeFileSync(join(root, name), ''));
      t.match(await sandbox.refusal(['true'], { layers: [layer] }), { errno: 20, path: `/${name}` });
    });

  t.test('cannot lead a mount out of its root by links', async (t) => {
    const hosts = join(sandbox.directory, 'hosts');
    writeFileSync(hosts, 'HOSTS\n');
    const layer = sandbox.layer((root) => {
      mkdirSync(join(root, 'etc'));
      symlinkSync('../../../../../../tmp/podrun-test-escaped', join(root, 'etc/hosts'));
      symlinkSync('/run/made/resolv.conf', join(root, 'etc/resolv.conf'));
      symlinkSync(sandbox.directory, join(root, 'host'));
    });
    const mounts = ['/etc/hosts', '/etc/resolv.conf', '/host/canary', '/a/b/c'].map((path) => bind(path, hosts, 'ro'));
    const output = await sandbox.output('cat /etc/hosts /run/made/resolv.conf /host/canary /a/b/c; echo x >>/a/b/c', {
      layers: [layer],
      mounts,
    });
    t.equal(output, `${'HOSTS\n'.repeat(4)}sh: can't create /a/b/c: Read-only file system\n`);
    t.notOk(existsSync('/tmp/podrun-test-escaped'));
    t.equal(readFileSync(canary, 'utf8'), 'untouched');
  });

  t.test('cannot lead a mount onto procfs', async (t) => {
    const layer = sandbox.layer((root) => symlinkSync('/proc/sys/kernel', join(root, 'kernel')));
    const mounts = [bind('/kernel/core_pattern', canary)];
    t.match(await sandbox.refusal(['true'], { layers: [layer], mounts }), { message: /procfs/ });
  });

  t.test('cannot reach the host by its working directory', async (t) => {
    const refusal = (cwd: string) => sandbox.refusal(['ls'], { process: { cwd } });
    for (let fd = 0; fd < 20; fd++) {
      const { step, exitCode } = await refusal(`/proc/self/fd/${fd}`);
      t.same({ step, exitCode }, { step: 'enter the working directory', exitCode: 128 }, `descriptor ${fd}`);
    }
    t.match(await refusal('/proc/self/cwd'), { errno: 40, syscall: 'openat2' });
    t.match(await refusal('/proc/1/root'), { errno: 40, syscall: 'openat2' });
  });

  t.test('cannot change the sandbox by running /proc/self/exe', async (t) => {
    const before = readFileSync(`/proc/${sandbox.pid}/exe`);
    const { exitCode } = await sandbox.run(['/proc/self/exe']);
    t.not(exitCode, 0);
    t.ok(before.equals(readFileSync(`/proc/${sandbox.pid}/exe`)));
  });

  t.test('may have many layers, of names with separators', async (t) => {
    const layers = Array.from({ length: 70 }, (_, i) => {
      const path = join(sandbox.directory, `layer:${i},with\\separators-${'x'.repeat(64)}`);
      mkdirSync(path);
      chmodSync(path, 0o755);
      writeFileSync(join(path, `f${i}`), '');
      return path;
    });
    t.equal(await sandbox.output('ls / | grep -c ^f', { layers }), '70\n');
    const long = join(sandbox.directory, 'x'.repeat(250));
    mkdirSync(long, { mode: 0o755 });
    writeFileSync(join(long, 'long'), 'found');
    t.equal(await sandbox.output('cat /long', { layers: [long] }), 'found');
  });
});
