import { test } from 'tap';
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
import { ensureSeededRegistry } from '../helpers/seed-registry.js';

test('what the containers of a Pod share, and Pods do not', { skip: rootSkip(), timeout: 120_000 }, async (t) => {
  checkLeaks(t);
  const registry = await ensureSeededRegistry(['podrun.test/semaphore:latest']);
  const directories = privateDirectories();
  const podrun = await openPodrun(directories, { registryMirrors: registry.mirrors });
  t.teardown(async () => {
    await podrun.close();
    await registry.stop();
    directories.remove();
  });

  await t.test('localhost', async (t) => {
    const ended = await runToEnd(
      podrun,
      podOf('localhost', [
        { command: sh('echo over localhost | nc -l -p 8080 -w 5') },
        {
          command: sh(
            'for i in 1 2 3 4 5 6 7 8 9; do nc -w 2 127.0.0.1 8080 </dev/null 2>/dev/null && exit 0; sleep 0.2; done; exit 1',
          ),
        },
      ]),
    );
    t.equal(ended.output, 'over localhost\n');
    t.equal(ended.exitCode, 0);
  });

  await t.test('/dev/shm, of 64 MiB, which another Pod does not see', async (t) => {
    const ended = await runToEnd(
      podrun,
      podOf('shm', [
        { command: sh('echo by shm > /dev/shm/x; sleep 1') },
        {
          command: sh(
            'while [ ! -s /dev/shm/x ]; do sleep 0.05; done; cat /dev/shm/x; df -k /dev/shm | tail -1 | awk "{print \\$2}"',
          ),
        },
      ]),
    );
    t.equal(ended.output, 'by shm\n65536\n');
    t.equal((await runToEnd(podrun, podOf('other', [{ command: sh('ls /dev/shm | wc -l') }]))).output, '0\n');
  });

  await t.test('System V semaphores, which another Pod does not see', async (t) => {
    const image = { image: 'podrun.test/semaphore:latest' };
    const ended = await runToEnd(
      podrun,
      podOf('semaphore', [
        { ...image, args: ['set'] },
        { ...image, args: ['get'] },
      ] as never),
    );
    t.equal(ended.output, 'semaphore 7\n');
    const [holder, stranger] = await Promise.all([
      runToEnd(podrun, podOf('holder', [{ ...image, args: ['set'] }] as never)),
      runToEnd(podrun, podOf('stranger', [{ ...image, args: ['get'] }] as never)),
    ]);
    t.equal(holder.exitCode, 0);
    t.equal(stranger.output, 'no semaphore\n');
  });

  await t.test('Pods reach each other by address, the host by the gateway, and the host them', async (t) => {
    const server = podOf('server', [{ command: sh('while :; do echo from $(hostname) | nc -l -p 80; done') }]);
    const handle = await untilStatus(podrun, server, isRunning);
    const address = handle.status.podIP!;
    const ask = `for i in 1 2 3 4 5 6 7 8 9; do nc -w 2 ${address} 80 </dev/null 2>/dev/null && exit 0; sleep 0.2; done; exit 1`;
    t.equal((await runToEnd(podrun, podOf('client', [{ command: sh(ask) }]))).output, 'from server\n');
    const { createServer, connect } = await import('node:net');
    const host = createServer((socket) => socket.end('from the host\n')).listen(0, '10.86.0.1');
    await new Promise((resolve) => host.once('listening', resolve));
    const { port } = host.address() as { port: number };
    t.equal(
      (await runToEnd(podrun, podOf('up', [{ command: sh(`nc -w 3 10.86.0.1 ${port} </dev/null`) }]))).output,
      'from the host\n',
    );
    host.close();
    const reply = () =>
      new Promise<string>((resolve, reject) => {
        const socket = connect(80, address);
        socket.on('data', (data) => resolve(data.toString()));
        socket.on('error', reject);
      });
    // The server listens for one client, and then again.
    const retry = () => new Promise((resolve) => setTimeout(resolve, 200)).then(reply);
    t.equal(await reply().catch(retry).catch(retry), 'from server\n');
    await handle.delete({ force: true, gracePeriodSeconds: 0 });
  });

  await t.test('processes are not shared: each container has its own PID 1', async (t) => {
    const pids = podOf('pids', [
      { command: sh('sleep 0.5; set -- /proc/[0-9]*; echo $#; echo $$$$') },
      { command: ['sleep', '1'] },
    ]);
    const handle = await podrun.run(pids);
    const [count, own] = (await outputOf(handle, 'c0')).trim().split('\n');
    await handle.delete({ force: true });
    t.equal(own, '1');
    t.equal(count, '1');
  });
});
