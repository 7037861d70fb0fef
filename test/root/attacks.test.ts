import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { PodrunError } from '../../src/errors.js';
import { hostileReferences, victim } from '../fixtures/hostile.js';
import { checkLeaks } from '../helpers/leaks.js';
import {
  isRunning,
  openPodrun,
  outputOf,
  podOf,
  privateDirectories,
  rootSkip,
  runToEnd,
  sh,
  untilStatus,
} from '../helpers/machine.js';
import { project } from '../helpers/project.js';
import { ensureSeededRegistry } from '../helpers/seed-registry.js';

const marker = 'marker-of-the-host';
const force = { force: true, gracePeriodSeconds: 0 };
const corePattern = () => readFileSync('/proc/sys/kernel/core_pattern', 'utf8');

function hashes(): readonly string[] {
  const files = [process.execPath, ...['podrun-sandbox', 'podrun.node'].map((f) => join(project, 'build/Release', f))];
  return files.map((file) => createHash('sha256').update(readFileSync(file)).digest('hex'));
}

test('hostile containers', { skip: rootSkip(), timeout: 300_000 }, async (t) => {
  checkLeaks(t);
  rmSync(victim, { recursive: true, force: true });
  mkdirSync(victim);
  writeFileSync(join(victim, marker), '');
  const registry = await ensureSeededRegistry(hostileReferences);
  const directories = privateDirectories();
  const podrun = await openPodrun(directories, { registryMirrors: registry.mirrors });
  const before = { core: corePattern(), top: readdirSync('/').join(), hashes: hashes() };
  t.teardown(async () => {
    await podrun.close();
    await registry.stop();
    directories.remove();
    rmSync(victim, { recursive: true });
  });
  /** What attacks may have changed on the host. */
  const unharmed = () => {
    t.same(readdirSync(victim), [marker]);
    t.equal(corePattern(), before.core);
    t.equal(readdirSync('/').join(), before.top);
    t.same(hashes(), before.hashes);
  };

  const volume = { volumes: [{ name: 'v', emptyDir: {} }] };
  const look = sh(
    'echo ran as $(id -u); ls -a . /data /work /dev /sys /proc 2>/dev/null; cat /etc/passwd | head -c 2000',
  );
  const refused = /:(user-.*|passwd-.*|home-newline|workdir-fd|proc-link)$/;
  for (const image of hostileReferences) {
    await t.test(`image ${image}`, async (t) => {
      const started = performance.now();
      const mounts = image.endsWith('volume-link') ? { volumeMounts: [{ name: 'v', mountPath: '/data/deep' }] } : {};
      const command = image.endsWith('self-exe') ? {} : { command: look };
      const pod = podOf('hostile', [{ image, ...command, ...mounts } as never], volume);
      const ended = await runToEnd(podrun, pod).catch((error: unknown) => {
        // What the config says of itself is refused before anything of it runs.
        if (!(error instanceof PodrunError)) throw error;
        return { output: '', exitCode: 125 };
      });
      t.notMatch(ended.output, marker, 'sees nothing of the host');
      if (refused.test(image)) {
        t.notMatch(ended.output, /^ran/, `is not started: ${ended.output}`);
        t.not(ended.exitCode, 0);
      }
      const tookMs = performance.now() - started;
      t.ok(tookMs < 10_000, `took ${tookMs} ms`);
      t.ok(process.memoryUsage().rss < 500 * 2 ** 20, 'memory stays flat');
      unharmed();
    });
  }

  await t.test(
    'no executable of the host can be opened for writing by /proc/*/exe, while programs come and go',
    async (t) => {
      const script = `printf '#!/proc/self/exe\\n' > /evil; chmod +x /evil; echo up
      while :; do for p in /proc/[0-9]*; do (exec 9>>$p/exe) 2>/dev/null && echo "opened $(readlink $p/exe)"; done; done`;
      const handle = await untilStatus(podrun, podOf('exe', [{ command: sh(script) }]), isRunning);
      const output = outputOf(handle);
      for (let i = 0; i < 40; i++) {
        for (const command of [['/evil'], ['/proc/self/exe'], ['true']]) {
          const session = await handle.exec(command).catch(() => undefined);
          session?.stdout.resume();
          session?.stderr.resume();
          await session?.wait();
        }
      }
      await handle.delete(force);
      t.same([...new Set((await output).match(/opened .*/g))], []);
      unharmed();
    },
  );

  await t.test('no working directory leads out by a descriptor', async (t) => {
    for (let n = 3; n <= 10; n++) {
      const ended = await runToEnd(podrun, podOf('cwd', [{ command: sh('ls -a'), workingDir: `/proc/self/fd/${n}` }]));
      t.equal(ended.exitCode, 128);
      t.equal(ended.output, '');
    }
    const handle = await untilStatus(podrun, podOf('cwd', [{ command: ['sleep', '1000'] }]), isRunning);
    for (let n = 3; n <= 64; n++) await t.rejects(handle.exec(['ls'], { cwd: `/proc/self/fd/${n}` }));
    for (const cwd of ['/proc/1/cwd/../../..', '/proc/self/root/../../..']) {
      const text: string[] = [];
      const session = await handle.exec(['ls', `.${victim}`], { cwd }).catch(() => undefined);
      session?.stdout.on('data', (chunk) => text.push(String(chunk)));
      await session?.wait();
      t.notMatch(text.join(), marker);
    }
    await handle.delete(force);
  });

  await t.test('a container and what is run in it own the three standard descriptors alone', async (t) => {
    const manifest = JSON.stringify(
      podOf('fds', [{ command: sh('ls /proc/1/fd | wc -l; ls -l /proc/1/fd /proc/self/fd') }]),
    );
    const { root, state, logs } = directories;
    const flags = `--root ${root} --state ${state} --logs ${logs}`;
    // Descriptors of whoever starts podrun, of a kind that exec does not close.
    const line = `exec 9</ 10</etc/shadow 63</proc; exec ${project}/bin/podrun run -q ${flags} -`;
    const output = execFileSync('bash', ['-c', line], { input: manifest, encoding: 'utf8' });
    t.match(output, /^3$/m);
    t.notMatch(output, /-> (?!\/dev\/null$|pipe:).*$/m);
  });

  await t.test('one that watches the descriptors of newcomers sees none of the host', async (t) => {
    const script = `echo up; while :; do for p in /proc/[0-9]*; do ls -l $p/fd $p/cwd $p/root; done 2>/dev/null; done | sed -n 's/.* -> //p' | sort -u |
      grep -v '^/proc\\|^pipe:\\|^/$'`;
    // The loop ends with the program that it waits for.
    const bounded = sh(script.replace('while :', 'i=0; while i=$((i+1)); [ $i -lt 300 ]'));
    const handle = await untilStatus(podrun, podOf('watch', [{ command: bounded }]), isRunning);
    const output = outputOf(handle);
    const ended = handle.wait().then(() => true);
    const after = () => new Promise<false>((resolve) => setTimeout(() => resolve(false), 1));
    while (!(await Promise.race([ended, after()]))) {
      const session = await handle.exec(['true']).catch(() => undefined);
      await session?.wait().catch(() => undefined);
    }
    t.equal(await output, 'up\n/dev/null\n');
    await handle.delete();
  });

  await t.test("what is masked stays masked under a /dev of the container's making", async (t) => {
    for (const fake of [
      'ln -s /proc/sys/kernel/core_pattern /v/null',
      'echo fake > /v/null',
      'mkdir /v/null',
      'ln -s /proc/kmsg /v/null',
    ]) {
      const mounted = (mountPath: string) => ({ volumeMounts: [{ name: 'v', mountPath }] });
      const script = sh('head -c 1 /proc/timer_list | wc -c; echo "|/tmp/evil" > /dev/null');
      const pod = podOf('masked', [{ command: script, ...mounted('/dev') }], {
        ...volume,
        initContainers: [{ name: 'prepare', image: 'podrun.local/starter', command: sh(fake), ...mounted('/v') }],
      });
      const { exitCode, output } = await runToEnd(podrun, pod);
      t.ok(exitCode === 128 || /^0\n/.test(output), `${fake}: ${exitCode} ${output}`);
      unharmed();
    }
  });

  await t.test('mounts below a path that another container keeps exchanging stay inside', async (t) => {
    // The directory goes aside, a link out of the container takes its place for a moment, and goes too.
    const target = `${'../'.repeat(15)}${victim.slice(1)}`;
    const flip = `cd /v; echo up; i=0; while :; do i=$((i+1)); ln -sfn ${target} l; mv -T x d$i; mv -T l x && [ -L x ] && rm -f x && echo flipped; done 2>/dev/null`;
    const mount = (mountPath: string, name = 'v') => ({ name, mountPath });
    const many = Array.from({ length: 25 }, (_, i) => ({
      name: `m${i}`,
      command: sh('ls -a /v/x/deep /v/x'),
      volumeMounts: [mount('/v'), mount(`/v/x/deep${i}`, 'w')],
    }));
    const flipper = { name: 'flip', command: sh(flip), volumeMounts: [mount('/v')] };
    const volumes = ['v', 'w'].map((name) => ({ name, emptyDir: {} }));
    const handle = await podrun.run(podOf('flip', [flipper, ...many], { volumes }));
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const output = outputOf(handle);
    await handle.delete(force);
    const text = await output;
    t.notMatch(text, marker);
    t.match(text, /^flipped$/m);
    unharmed();
  });

  await t.test('cgroups can be looked at, and nothing else', async (t) => {
    const script = `cd /sys/fs/cgroup || exit 9
      for d in $(find . -type d); do mkdir $d/evil && echo made $d; touch $d/evil && echo touched $d; done
      for f in $(find . -name cgroup.procs -o -name release_agent -o -name '*.max' -o -name notify_on_release); do (echo 1 > $f) && echo wrote $f; done
      mount -o remount,rw . && echo remounted
      mkdir /m; for t in cgroup cgroup2 proc sysfs tmpfs; do mount -t $t none /m && echo mounted $t; done
      mount -t cgroup -o memory none /m && echo mounted memory
      unshare -UrC true && echo unshared; unshare -m true && echo unshared mount; unshare -r true && echo user; echo end`;
    const { output } = await runToEnd(podrun, podOf('cgroups', [{ command: [...sh(`(${script}) 2>/dev/null`)] }]));
    t.equal(output, 'end\n');
  });

  await t.test('what a container writes to /proc and /sys goes nowhere', async (t) => {
    const script = `for f in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sys/vm/drop_caches /proc/irq/0/smp_affinity /sys/kernel/uevent_helper /sys/power/state; do
      (echo x > $f) && echo wrote $f; done; cat /proc/kcore /proc/keys /proc/timer_list | head -c 1; ls /sys/firmware /proc/acpi; mknod /disk b 254 0 && cat /disk | head -c 1; cat /proc/kmsg | head -c 1; echo end`;
    const { output } = await runToEnd(podrun, podOf('proc', [{ command: sh(`(${script}) 2>/dev/null`) }]));
    t.equal(output.replaceAll(/^\/.*:\n|^\n/gm, ''), 'end\n');
    unharmed();
  });

  await t.test('capabilities, groups and filter are the same in a container and in what is run in it', async (t) => {
    const fields = ['grep', '-E', '^(Cap|Groups|Seccomp:|Umask)', '/proc/self/status'];
    const handle = await untilStatus(
      podrun,
      podOf('status', [{ command: sh(`${fields.join(' ').replace(/\^.*\)/, "'$&'")}; sleep 1000`) }]),
      isRunning,
    );
    let own = '';
    for await (const { text } of handle.logs({ follow: true })) {
      own += `${text}\n`;
      if (/Seccomp/.test(own)) break;
    }
    const session = await handle.exec(fields);
    let other = '';
    for await (const chunk of session.stdout) other += chunk;
    t.equal(own, other);
    t.match(
      own,
      /CapInh:\t0+\nCapPrm:\t0+a80425fb\nCapEff:\t0+a80425fb\nCapBnd:\t0+a80425fb\nCapAmb:\t0+\nSeccomp:\t2/,
    );
    t.match(own, /^Groups:\t0 $/m);
    await handle.delete(force);
  });

  await t.test('the directories of podrun are closed to other users, and no socket is abstract', async (t) => {
    const handle = await untilStatus(podrun, podOf('closed', [{ command: ['sleep', '1000'] }]), isRunning);
    for (const directory of [directories.root, directories.state]) t.equal(statSync(directory).mode & 0o777, 0o700);
    const tryThem = `for d in ${directories.root} ${directories.state}; do ls $d; find $d -type f; done 2>/dev/null | grep -v "^${directories.root}$"`;
    const seen = execFileSync('setpriv', ['--reuid=65534', '--clear-groups', 'sh', '-c', `${tryThem}; true`], {
      encoding: 'utf8',
    });
    t.equal(seen, '');
    t.notMatch(readFileSync('/proc/net/unix', 'utf8'), /@\S*podrun/);
    await handle.delete(force);
  });
});
