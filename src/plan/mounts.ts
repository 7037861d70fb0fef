import { posix } from 'node:path';
import { PodrunError } from '../errors.js';
import type { Container, VolumeMount } from '../manifest/pod.js';
import type { OciMount } from './oci.js';
import type { PodPaths } from './plan.js';

/** What every container has before its volumes, as in containerd; /dev/shm is the Pod's own, shared by its containers. */
const defaultMounts: readonly OciMount[] = [
  { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    // gid 5 is the group "tty" wherever there is one: write(1) and mesg(1) rely on it.
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
  {
    destination: '/sys/fs/cgroup',
    type: 'cgroup',
    source: 'cgroup',
    options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
  },
];

/**
 * All mounts of a container in the order they are made. What the manifest mounts takes the place of a default or of a
 * managed file at the same path; a mount on /dev takes away all defaults below it, too. Volumes follow sorted by depth,
 * so that one inside another stays visible.
 * @throws ERR_PODRUN_MANIFEST_INVALID for a mount on / or /proc, or of a volume that the Pod does not have
 */
export function containerMounts(container: Container, paths: PodPaths): readonly OciMount[] {
  const volumes = (container.volumeMounts ?? []).map((mount) => volumeMount(container, mount, paths));
  const taken = new Set(volumes.map((mount) => mount.destination));
  const managed = [
    bind('/dev/shm', paths.shm, ['rw', 'nosuid', 'noexec', 'nodev']),
    bind('/etc/hosts', paths.hosts, ['rw']),
    bind('/etc/hostname', paths.hostname, ['rw']),
    bind('/etc/resolv.conf', paths.resolvConf, ['rw']),
  ];
  const keep = ({ destination }: OciMount) =>
    !taken.has(destination) && !(taken.has('/dev') && destination.startsWith('/dev/'));
  const binds = [...managed.filter(keep), ...volumes];
  // Array.prototype.sort is stable: of two on one path the later in the manifest stays on top.
  binds.sort((a, b) => depth(a.destination) - depth(b.destination));
  return [...defaultMounts.filter(keep), ...binds];
}

function volumeMount(container: Container, mount: VolumeMount, paths: PodPaths): OciMount {
  const destination = cleanPath(mount.mountPath);
  // A false /proc could lead what is written there on the container's behalf elsewhere (CVE-2019-19921); runc refuses it too.
  if (destination === '/' || destination === '/proc' || destination.startsWith('/proc/')) {
    throw mountError(container, mount, 'no volume can be mounted there');
  }
  const source = Object.hasOwn(paths.volumes, mount.name) ? paths.volumes[mount.name] : undefined;
  if (source === undefined) throw mountError(container, mount, `the Pod has no volume "${mount.name}"`);
  return bind(destination, source, [mount.readOnly ? 'ro' : 'rw']);
}

/** A relative mountPath starts at the root, as in the kubelet. */
function cleanPath(path: string): string {
  const clean = posix.resolve('/', path);
  return clean === '//' ? '/' : clean;
}

function bind(destination: string, source: string, options: readonly string[]): OciMount {
  return { destination, type: 'bind', source, options: ['rbind', 'rprivate', ...options] };
}

function depth(path: string): number {
  return path.split('/').length;
}

function mountError(container: Container, mount: VolumeMount, reason: string): PodrunError {
  return new PodrunError(
    'ERR_PODRUN_MANIFEST_INVALID',
    `cannot mount volume "${mount.name}" at ${JSON.stringify(mount.mountPath)} in container "${container.name}": ${reason}`,
    { container: container.name, path: mount.mountPath },
  );
}
