import t from 'tap';
import type { VolumeMount } from '../../src/manifest/pod.js';
import { containerMounts } from '../../src/plan/mounts.js';
import { container, paths } from './fixture.js';

const mounts = (...volumeMounts: VolumeMount[]) => containerMounts(container({ volumeMounts }), paths);
const destinations = (...volumeMounts: VolumeMount[]) => mounts(...volumeMounts).map((mount) => mount.destination);

const kernel = ['/proc', '/dev', '/dev/pts', '/dev/mqueue', '/sys', '/sys/fs/cgroup'];
const managed = ['/dev/shm', '/etc/hosts', '/etc/hostname', '/etc/resolv.conf'];

t.test('a container without volumes has the kernel’s filesystems and the Pod’s files', async (t) => {
  t.strictSame(destinations(), [...kernel, ...managed]);
  const shm = mounts().find((mount) => mount.destination === '/dev/shm');
  t.match(shm, { type: 'bind', source: paths.shm });
});

t.test('volumes come after the defaults, a parent before what is mounted inside it', async (t) => {
  const order = destinations(
    { name: 'data', mountPath: '/srv/a/b' },
    { name: 'more', mountPath: '/srv' },
    { name: 'data', mountPath: '/etc' },
  );
  t.ok(order.indexOf('/srv') < order.indexOf('/srv/a/b'));
  t.ok(order.indexOf('/etc') < order.indexOf('/etc/hosts'), 'the managed files stay visible in a volume on /etc');
  t.strictSame(order.slice(0, kernel.length), kernel);
});

t.test('readOnly makes the mount read-only, and only then', async (t) => {
  const find = (readOnly?: boolean) =>
    mounts({ name: 'data', mountPath: '/d', ...(readOnly === undefined ? {} : { readOnly }) }).find(
      (mount) => mount.destination === '/d',
    )?.options;
  t.strictSame(find(true), ['rbind', 'rprivate', 'ro']);
  t.strictSame(find(false), ['rbind', 'rprivate', 'rw']);
  t.strictSame(find(), ['rbind', 'rprivate', 'rw']);
});

t.test('what the manifest mounts at the path of a default or a managed file replaces it', async (t) => {
  for (const mountPath of ['/etc/hosts', '/etc/resolv.conf/', '/dev/shm', '/sys/fs/cgroup', 'etc//hostname']) {
    const found = mounts({ name: 'data', mountPath });
    const same = found.filter((mount) => mount.source === paths.volumes['data']);
    t.equal(same.length, 1, mountPath);
    t.equal(found.filter((mount) => mount.destination === same[0]?.destination).length, 1, mountPath);
    t.equal(found.length, kernel.length + managed.length, mountPath);
  }
});

t.test('a volume on /dev takes away all defaults below it', async (t) => {
  t.strictSame(
    destinations({ name: 'data', mountPath: '/dev' }).filter((path) => path.startsWith('/dev')),
    ['/dev'],
  );
});

t.test('mounts on / and /proc are refused', async (t) => {
  for (const mountPath of ['/', '/proc', '/proc/sys', 'proc', '/x/../proc/self', '/..', '//']) {
    t.throws(
      () => mounts({ name: 'data', mountPath }),
      { code: 'ERR_PODRUN_MANIFEST_INVALID', container: 'web', message: /"data" at/ },
      mountPath,
    );
  }
  t.doesNotThrow(() => mounts({ name: 'data', mountPath: '/process' }));
});

t.test('a volume that the Pod does not have is refused by name', async (t) => {
  for (const name of ['nothere', 'toString', '__proto__']) {
    t.throws(() => mounts({ name, mountPath: '/d' }), { code: 'ERR_PODRUN_MANIFEST_INVALID', message: name });
  }
});

t.test('two mounts on one path: the later in the manifest is on top', async (t) => {
  const sources = mounts({ name: 'data', mountPath: '/d' }, { name: 'more', mountPath: '/d' })
    .filter((mount) => mount.destination === '/d')
    .map((mount) => mount.source);
  t.strictSame(sources, [paths.volumes['data'], paths.volumes['more']]);
});
