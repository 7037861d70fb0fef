import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { type Command, command, runCommand } from '../helpers/cli.js';
import { checkLeaks } from '../helpers/leaks.js';
import { type Directories, privateDirectories, rootSkip } from '../helpers/machine.js';
import { ensureSeededRegistry } from '../helpers/seed-registry.js';

const shared = process.env['PODRUN_SHARED'] ?? fileURLToPath(new URL('../../../shared', import.meta.url));
const seeds = join(shared, 'corpus/seeds');
const skip = rootSkip() || (existsSync(seeds) ? false : 'needs the manifests of the seed documents');

interface PodObject {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly ownerReferences?: readonly { readonly kind: string }[];
  };
  readonly status: {
    readonly phase: string;
    readonly podIP: string;
    readonly qosClass: string;
    readonly containerStatuses: readonly { readonly ready: boolean; readonly image: string }[];
  };
}

/** Manifests that somebody else wrote, unmodified, from a registry on loopback by the mirror table. */
test('the seed manifests', { skip, timeout: 300_000 }, async (t) => {
  checkLeaks(t);
  const registry = await ensureSeededRegistry([
    'docker.io/library/busybox:latest',
    'docker.io/library/busybox:1.28',
    'docker.io/library/nginx:1.14.2',
    'docker.io/library/nginx:latest',
    'docker.io/t9kpublic/t9k-sdk:0.6.0-torch-2.0.1',
  ]);
  const directories = privateDirectories();
  t.teardown(async () => {
    await registry.stop();
    directories.remove();
  });
  const start = (file: string) => command(directories, ['run', join(seeds, file), ...registry.mirrorArguments]);

  await t.test('000: limited to half a CPU and 200 MiB, sleep as PID 1, a shell by exec', async (t) => {
    const running = start('000-test-sdk.yaml');
    const pod = await untilReady(directories, 'test-sdk', running);
    t.equal(pod.status.qosClass, 'Guaranteed');
    const exec = (...args: string[]) => runCommand(directories, ['exec', 'test-sdk', '--', ...args]);
    t.equal((await exec('cat', '/proc/1/comm')).stdout, 'sleep\n');
    t.equal((await exec('python3', '-c', 'print(6*7)')).stdout, '42\n');
    await end(directories, running, 'test-sdk');
  });

  await t.test('001: nginx answers from the host under the address of the Pod', async (t) => {
    const running = start('001-nginx.yaml');
    const pod = await untilReady(directories, 'nginx', running);
    t.equal(pod.status.qosClass, 'BestEffort');
    const page = await answer(`http://${pod.status.podIP}:80`);
    t.match(page, /<!DOCTYPE html>/i);
    await end(directories, running, 'nginx');
  });

  await t.test('001: a Job prints its line and its Pod is its own', async (t) => {
    const running = start('001-hello-job.yaml');
    await running.shows('Hello, Kubernetes!');
    const [pod] = await pods(directories);
    t.match(pod?.metadata.name, /^hello-[a-z0-9]{5}$/);
    t.equal(pod?.metadata.ownerReferences?.[0]?.kind, 'Job');
    await end(directories, running, pod!.metadata.name);
  });

  await t.test('002: names with underscores are refused, saying where and why', async (t) => {
    const { exitCode, stderr } = await start('002-example-pod.yaml').result;
    t.equal(exitCode, 125);
    t.match(stderr, /002-example-pod\.yaml:5:11: metadata\.name: .*example_pod/);
    t.match(stderr, /spec\.containers\[0\]\.name: .*example_app_container/);
  });

  await t.test('003: the init container leaves its file to the container, which stays', async (t) => {
    const running = start('003-lumpy-koala.yaml');
    const pod = await untilReady(directories, 'lumpy-koala', running);
    t.equal(pod.status.phase, 'Running');
    const listing = await runCommand(directories, ['exec', 'lumpy-koala', '--', 'ls', '/workdir']);
    t.match(listing, { exitCode: 0, stdout: 'calm.txt\n' }, listing.stderr);
    await end(directories, running, 'lumpy-koala');
  });
});

async function pods(directories: Directories): Promise<readonly PodObject[]> {
  const { stdout } = await runCommand(directories, ['ps', '-o', 'json']);
  return (JSON.parse(stdout) as { items: readonly PodObject[] }).items;
}

async function untilReady(directories: Directories, name: string, running: Command): Promise<PodObject> {
  let ended: string | undefined;
  void running.result.then(({ stderr }) => {
    ended = stderr;
  });
  for (;;) {
    const pod = (await pods(directories)).find(({ metadata }) => metadata.name === name);
    if (pod?.status.containerStatuses.every(({ ready }) => ready) && pod.status.podIP) return pod;
    if (ended !== undefined) throw new Error(`ended: ${ended}`);
  }
}

/** The server needs a moment after its exec; a refused connection is asked again. */
async function answer(url: string): Promise<string> {
  for (let tries = 0; ; tries++) {
    try {
      return await (await fetch(url)).text();
    } catch (error) {
      if (tries === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function end(directories: Directories, running: Command, name: string): Promise<void> {
  await runCommand(directories, ['delete', name, '--grace-period', '1']);
  await running.result;
}
