import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import type { NetworkAttach } from '../../native/addon/addon.js';
import { addon, compileFixture, failure, Holder, skipWithoutRoot } from '../helpers/addon.js';
import { skipWithout } from '../helpers/command.js';

// The "host" of these tests is a network namespace of their own: the machine's interfaces, rules and ip_forward stay as
// they are, and whatever else uses the table "podrun" does not meet them.
const inside = 'PODRUN_TEST_IN_NETNS';
const skip = skipWithoutRoot || skipWithout('ip', 'nft', 'busybox', 'nsenter', 'unshare');
if (!skip && process.env[inside] === undefined) {
  const args = ['-n', process.execPath, ...process.execArgv, fileURLToPath(import.meta.url)];
  process.exit(spawnSync('unshare', args, { stdio: 'inherit', env: { ...process.env, [inside]: '1' } }).status ?? 1);
}

const output = (program: string, ...args: readonly string[]) => execFileSync(program, args, { encoding: 'utf8' });
const hostLinks = () =>
  JSON.parse(output('ip', '-j', 'link')).map((link: { ifname: string }) => link.ifname) as string[];
const ruleset = () => output('nft', 'list', 'ruleset');
const inPod = (pod: Holder, ...words: readonly string[]) => output('nsenter', '-t', `${pod.pid}`, '-n', ...words);
const setting = (pod: Holder, name: string) => inPod(pod, 'cat', `/proc/sys/net/${name}`).trim().replace(/\s+/g, ' ');

t.test('the Pod network', { skip }, async (t) => {
  const { startSandbox, networkAttach, networkLoopback, cgroupCreate, cgroupKill, cgroupRemove } = addon();
  const binary = compileFixture('holder', t.testdir());
  const path = `podrun-test-network-${process.pid}`;
  const cgroup = cgroupCreate({ path }).unified;
  t.teardown(async () => {
    cgroupKill(path);
    await cgroupRemove(path);
  });

  const network = { hostInterface: 'podrun0', gateway: '10.86.0.1', prefixLength: 16 };
  const start = () => new Holder(startSandbox({ binary, cgroup }));
  async function attach(pod: Holder, number: number, peers: readonly Holder[], more: Partial<NetworkAttach> = {}) {
    const pids = peers.map((peer) => peer.pid);
    const its = { sandboxPid: pod.pid, peers: pids, address: `10.86.0.${number}`, hubInterface: `pod${number}` };
    const { hub, rules } = await networkAttach({ ...network, ...its, ...more });
    await pod.hold(hub.fd, rules.fd);
    hub.close();
    rules.close();
  }
  /** Pods with the addresses 10.86.0.2 and up, killed at the end of the test. */
  async function pods(t: Test, count: number): Promise<readonly Holder[]> {
    const all: Holder[] = [];
    t.teardown(() => end(all));
    for (let i = 0; i < count; i++) {
      const pod = start();
      await attach(pod, i + 2, all);
      all.push(pod);
    }
    return all;
  }
  const end = (all: readonly Holder[]) => Promise.all(all.map((pod) => pod.end()));

  t.test('gives a Pod its interface, address, route and settings', async (t) => {
    const [pod] = await pods(t, 1);
    const [link] = JSON.parse(inPod(pod!, 'ip', '-j', 'addr', 'show', 'eth0'));
    t.equal(link.address, '0a:58:0a:56:00:02');
    t.match(link.addr_info[0], { local: '10.86.0.2', prefixlen: 16, broadcast: '10.86.255.255' });
    t.match(inPod(pod!, 'ip', 'route'), /^default via 10\.86\.0\.1 dev eth0/);
    t.match(inPod(pod!, 'ip', 'addr', 'show', 'lo'), /<LOOPBACK,UP.*127\.0\.0\.1\/8/s);
    t.equal(setting(pod!, 'ipv4/ip_unprivileged_port_start'), '0');
    t.equal(setting(pod!, 'ipv4/ping_group_range'), '0 2147483647');
    t.match(output('ip', 'addr', 'show', 'podrun0'), 'inet 10.86.0.1/16');
    t.equal(readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8'), '1\n');
    await t.rejects(attach(pod!, 9, [pod!]), failure({ errno: 17, path: 'eth0' }), 'only once');
  });

  t.test('connects Pods with each other and with the host', async (t) => {
    const [first, second] = await pods(t, 2);
    const reply = '1 packets received';
    t.match(inPod(first!, 'busybox', 'ping', '-c1', '-W2', '10.86.0.3'), reply);
    t.match(inPod(second!, 'busybox', 'ping', '-c1', '-W2', '10.86.0.1'), reply);
    t.match(output('busybox', 'ping', '-c1', '-W2', '10.86.0.3'), reply);
    t.throws(() => inPod(first!, 'busybox', 'ping', '-c1', '-W1', '10.86.0.9'), 'and with nobody else');
  });

  t.test('masquerades what leaves the machine, and nothing else', async (t) => {
    const [pod] = await pods(t, 1);
    t.match(ruleset(), 'ip saddr 10.86.0.0/16 oifname != "podrun0" masquerade');
    t.match(ruleset(), 'flags owner');
    // Somewhere else: a namespace that knows no route back to the Pods.
    const outside = start();
    t.teardown(() => outside.end());
    output('ip', 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', `${outside.pid}`);
    t.teardown(() => output('ip', 'link', 'del', 'up0'));
    for (const command of ['addr add 192.0.2.1/30 dev up0', 'link set up0 up']) output('ip', ...command.split(' '));
    for (const command of ['addr add 192.0.2.2/30 dev eth0', 'link set eth0 up'])
      inPod(outside, 'ip', ...command.split(' '));
    t.match(inPod(pod!, 'busybox', 'ping', '-c1', '-W2', '192.0.2.2'), '1 packets received');
    const script = `require('node:net').createServer((socket) => {
      console.log(socket.remoteAddress);
      socket.destroy();
    }).listen(80, '192.0.2.2', () => console.log('listening'))`;
    const server = spawn('nsenter', ['-t', `${outside.pid}`, '-n', process.execPath, '-e', script]);
    t.teardown(() => server.kill());
    const said = createInterface(server.stdout);
    t.same(await once(said, 'line'), ['listening']);
    const seen = once(said, 'line');
    inPod(pod!, 'busybox', 'nc', '192.0.2.2', '80');
    t.same(await seen, ['192.0.2.1']);
  });

  t.test('is ready when it is given: the first packet gets through', async (t) => {
    for (const [i] of (await pods(t, 10)).entries()) {
      const before = performance.now();
      const socket = connect(80, `10.86.0.${i + 2}`);
      const [error] = await once(socket, 'error');
      t.equal(error.code, 'ECONNREFUSED');
      // A lost ARP request is repeated after a second.
      t.ok(performance.now() - before < 900, `Pod ${i} answered at once`);
    }
  });

  t.test('goes away with the last Pod, however it ends', async (t) => {
    const all = await pods(t, 3);
    await end(all.slice(0, 2));
    t.ok(hostLinks().includes('podrun0'), 'held by the third Pod');
    t.match(inPod(all[2]!, 'busybox', 'ping', '-c1', '-W2', '10.86.0.1'), '1 packets received');
    await end(all.slice(2));
    await gone('podrun0');
    t.notOk(hostLinks().includes('podrun0'));
    t.equal(ruleset(), '');
    t.notMatch(output('ip', 'route'), '10.86');
  });

  t.test('can be made again at once', async (t) => {
    for (let round = 0; round < 5; round++) {
      const all = await pods(t, 2);
      t.match(inPod(all[0]!, 'busybox', 'ping', '-c1', '-W2', '10.86.0.3'), '1 packets received');
      await end(all);
    }
    const [first, second] = await pods(t, 2);
    // The same address and interface name while the kernel is still dismantling the Pod that had them.
    await second!.end();
    const third = start();
    t.teardown(() => third.end());
    await attach(third, 3, [first!]);
    t.match(inPod(third, 'busybox', 'ping', '-c1', '-W2', '10.86.0.1'), '1 packets received');
  });

  t.test('waits for a hub of the same name that is still held', async (t) => {
    const [old] = await pods(t, 1);
    const pod = start();
    t.teardown(() => pod.end());
    const attached = attach(pod, 2, []);
    t.equal(await Promise.race([attached, sleep(100, 'waiting')]), 'waiting');
    await Promise.all([old!.end(), attached]);
    t.match(inPod(pod, 'busybox', 'ping', '-c1', '-W2', '10.86.0.1'), '1 packets received');
  });

  t.test('leaves nothing when it can’t be made', async (t) => {
    const pod = start();
    t.teardown(() => pod.end());
    await gone('podrun0');
    const before = hostLinks();
    await t.rejects(attach(pod, 2, [], { sandboxPid: 2 ** 22 + 1 }), failure({ errno: 2, syscall: 'open' }));

    output('ip', 'link', 'add', 'podrun0', 'type', 'bridge');
    await t.rejects(attach(pod, 2, []), failure({ errno: 17, path: 'podrun0' }), 'name taken by another program');
    output('ip', 'link', 'del', 'podrun0');

    output('nft', 'add', 'table', 'ip', 'podrun');
    await t.rejects(attach(pod, 2, []), failure({ errno: 17, path: 'podrun' }), 'table taken by another program');
    output('nft', 'delete', 'table', 'ip', 'podrun');
    await gone('podrun0');
    t.same(hostLinks(), before);
    t.notMatch(inPod(pod, 'ip', 'link'), 'eth0');

    const refused = { hostInterface: 'a-name-too-long!', gateway: '10.86.0', address: '::1', prefixLength: 33, mtu: 1 };
    for (const [name, value] of Object.entries(refused))
      await t.rejects(async () => attach(pod, 2, [], { [name]: value }), TypeError, name);
  });

  t.test('passes over peers that are gone or hold nothing', async (t) => {
    const [pod] = await pods(t, 1);
    const [gone, empty] = [start(), start()];
    await gone.end();
    const next = start();
    t.teardown(() => end([empty, next]));
    await attach(next, 3, [gone, empty, pod!]);
    t.match(inPod(next, 'busybox', 'ping', '-c1', '-W2', '10.86.0.2'), '1 packets received');
  });

  t.test('can be lo alone', async (t) => {
    const pod = start();
    t.teardown(() => pod.end());
    await gone('podrun0');
    await networkLoopback(pod.pid);
    t.match(inPod(pod, 'busybox', 'ping', '-c1', '127.0.0.1'), '1 packets received');
    t.same(hostLinks(), ['lo']);
  });
});

/** The kernel dismantles namespaces from a work queue, some time after the last process in them. */
async function gone(name: string): Promise<void> {
  const until = performance.now() + 5_000;
  while (hostLinks().includes(name)) {
    if (performance.now() > until) throw new Error(`${name} is still there`);
    await sleep(20);
  }
}
