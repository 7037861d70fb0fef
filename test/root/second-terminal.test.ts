import { test } from 'tap';
import { command, runCommand } from '../helpers/cli.js';
import { checkLeaks } from '../helpers/leaks.js';
import { ensureStarter, podOf, privateDirectories, rootSkip, sh } from '../helpers/machine.js';

test('a Pod that a foreground run supervises, from a second terminal', { skip: rootSkip() }, async (t) => {
  ensureStarter();
  checkLeaks(t);
  const directories = privateDirectories();
  t.teardown(() => directories.remove());
  const ask = (args: readonly string[], input?: string) => runCommand(directories, args, input);
  const manifest = podOf('web', [
    {
      name: 'main',
      command: sh('trap "echo bye; exit 3" TERM; echo one; echo two >&2; echo up; while :; do sleep 0.05; done'),
    },
    { name: 'side', command: sh('echo beside; while :; do sleep 0.1; done'), env: [{ name: 'GIVEN', value: 'yes' }] },
  ]);
  const running = command(directories, ['run', '-'], JSON.stringify(manifest));
  await running.shows('up');
  await running.shows('beside');

  await t.test('ps shows it', async (t) => {
    const { stdout } = await ask(['ps']);
    t.match(stdout, /^NAME +READY +STATUS +RESTARTS +AGE/);
    t.match(stdout, /^web +2\/2 +Running +0 /m);
    const list = JSON.parse((await ask(['ps', '-o', 'json'])).stdout) as {
      items: { metadata: { name: string; uid: string }; status: { podIP: string } }[];
    };
    t.equal(list.items[0]?.metadata.name, 'web');
    t.match(list.items[0]?.status.podIP, /^10\.86\./);
  });

  await t.test('logs prints what a container has written, and --tail the last of it', async (t) => {
    t.equal((await ask(['logs', 'web', '-c', 'main'])).stdout.split('\n').sort().join(), ',one,two,up');
    t.equal((await ask(['logs', 'web', '-c', 'side', '--tail', '1'])).stdout, 'beside\n');
    t.match(await ask(['logs', 'web', '-c', 'none']), { exitCode: 125, stderr: /it has main, side/ });
    t.match(await ask(['logs', 'no-such-pod']), { exitCode: 125, stderr: /no Pod named "no-such-pod"/ });
  });

  await t.test('exec runs a program with the environment of the container, and ends with its exit code', async (t) => {
    t.match(await ask(['exec', 'web', '-c', 'side', '--', 'sh', '-c', 'echo $GIVEN; echo err >&2; exit 5']), {
      exitCode: 5,
      stdout: 'yes\n',
      stderr: 'err\n',
    });
    t.equal((await ask(['exec', '-i', 'web', '-c', 'side', '--', 'cat'], 'through\n')).stdout, 'through\n');
    t.equal((await ask(['exec', 'web', '-c', 'side', '--', '/no/such'])).exitCode, 127);
    t.equal((await ask(['exec', 'web', '-c', 'side', '--', '/etc/passwd'])).exitCode, 126);
    t.match(await ask(['exec', 'web', '--', 'true']), { exitCode: 0, stderr: /main.*side/ });
  });

  await t.test('delete ends it gracefully, and the run ends with the exit code of the Pod', async (t) => {
    const follower = command(directories, ['logs', '-f', 'web', '-c', 'main']);
    await follower.shows('up');
    t.equal((await ask(['delete', 'web', '--grace-period', '2'])).exitCode, 0);
    const { exitCode, stdout } = await running.result;
    t.equal(exitCode, 3);
    t.match(stdout, /bye/);
    t.match((await follower.result).stdout, /bye/);
    t.equal((await ask(['ps', '-q'])).stdout, '');
    t.equal((await ask(['delete', 'web'])).exitCode, 125);
  });
});
