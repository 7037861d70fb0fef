import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where podrun keeps things. `root` survives a reboot, `state` is on a tmpfs and does not. */
export interface Directories {
  /** Images, layers and the Pods' disks: /var/lib/podrun, mode 0700. */
  readonly root: string;
  /** Sockets, locks, records: /run/podrun, mode 0700. */
  readonly state: string;
  /** Container logs in the kubelet's layout: /var/log/pods. */
  readonly logs: string;
}

export const defaultDirectories: Directories = {
  root: '/var/lib/podrun',
  state: '/run/podrun',
  logs: '/var/log/pods',
};

/** The package's own directory: of the checkout, or where npm put it. */
export const packageRoot = fileURLToPath(new URL('..', import.meta.url));

export const sandboxBinary = join(packageRoot, 'build', 'Release', 'podrun-sandbox');
export const addonBinary = join(packageRoot, 'build', 'Release', 'podrun.node');
/** OCI layout of the starter image, in a checkout after `make demo` and in the package. */
export const starterLayout = join(packageRoot, 'rootfs-cache', 'starter');
