import type { OciConfig, OciMount, OciProcess } from '../../src/plan/oci.js';
import { capabilitySets, defaultCapabilities } from '../../src/plan/security.js';

export const processOf = (args: readonly string[], more: Partial<OciProcess> = {}): OciProcess => ({
  terminal: false,
  user: { uid: 0, gid: 0 },
  args,
  env: ['PATH=/bin', 'HOME=/root'],
  cwd: '/',
  capabilities: capabilitySets(defaultCapabilities),
  noNewPrivileges: false,
  ...more,
});

const kernel = ['nosuid', 'noexec', 'nodev'];
const mount = (destination: string, type: string, options: readonly string[]): OciMount => ({
  destination,
  type,
  source: type,
  options,
});

export const bind = (destination: string, source: string, ...options: readonly string[]): OciMount => ({
  destination,
  type: 'bind',
  source,
  options: ['rbind', 'rprivate', ...options],
});

/** A config as podrun's plan makes it, for what is tested here. */
export function configOf(
  args: readonly string[],
  shm: string,
  paths: { readonly maskedPaths: readonly string[]; readonly readonlyPaths: readonly string[] },
  more: {
    readonly process?: Partial<OciProcess>;
    readonly mounts?: readonly OciMount[];
    readonly readOnlyRoot?: boolean;
  },
): OciConfig {
  return {
    ociVersion: '1.2.0',
    process: processOf(args, more.process),
    root: { path: 'rootfs', readonly: more.readOnlyRoot ?? false },
    hostname: 'web',
    mounts: [
      mount('/proc', 'proc', kernel),
      mount('/dev', 'tmpfs', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
      mount('/dev/pts', 'devpts', ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5']),
      mount('/dev/mqueue', 'mqueue', kernel),
      mount('/sys', 'sysfs', [...kernel, 'ro']),
      mount('/sys/fs/cgroup', 'cgroup', [...kernel, 'relatime', 'ro']),
      bind('/dev/shm', shm, 'rw', ...kernel),
      ...(more.mounts ?? []),
    ],
    linux: {
      namespaces: [{ type: 'pid' }, { type: 'mount' }, { type: 'cgroup' }],
      ...paths,
      cgroupsPath: '/podrun-test',
    },
  };
}
