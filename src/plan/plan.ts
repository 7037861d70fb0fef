import type { ImageConfig } from '../images/image.js';
import type { Container, Pod } from '../manifest/pod.js';
import type { OciConfig } from './oci.js';

/** What a Pod needs of the machine before any container runs. */
export interface SandboxPlan {
  readonly hostname: string;
  /** Text of the Pod's /etc/hosts, /etc/hostname and /etc/resolv.conf. */
  readonly hosts: string;
  readonly hostnameFile: string;
  readonly resolvConf: string;
  /** What had to be decided for the Pod, in the form of Kubernetes events; to be shown once per Pod. */
  readonly events: readonly { readonly reason: string; readonly message: string }[];
}

/** Limits of one container, in the kernel's units; absent means none. */
export interface ContainerLimits {
  readonly cpuQuotaUs?: number;
  readonly cpuPeriodUs?: number;
  readonly cpuShares?: number;
  readonly memoryBytes?: number;
  readonly noSwap?: boolean;
  readonly oomGroup?: boolean;
}

/** A seccomp profile that is built only when no compiled program is cached under its key. */
export interface SeccompPlan {
  /** Identifies the profile's content for ever (version of the default profile, capabilities, architecture); a file name: [A-Za-z0-9._-]+. */
  readonly key: string;
  /** The OCI linux.seccomp object. */
  readonly build: () => object;
}

export interface ContainerPlan {
  readonly config: OciConfig;
  readonly limits: ContainerLimits;
  /** Number of the signal that ends it gracefully: the image's STOPSIGNAL, or 15. */
  readonly stopSignal: number;
  /** The seccomp profile, or null for unconfined. */
  readonly seccomp: SeccompPlan | null;
}

/** Host paths that the plan binds into a container; all made before it starts. */
export interface PodPaths {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
  /** Mount point of the Pod's /dev/shm in the sandbox's mount namespace: `shm` beside its socket. */
  readonly shm: string;
  /** Directory of each volume by name. */
  readonly volumes: Readonly<Record<string, string>>;
  /** cgroup path of the container below each hierarchy's root. */
  readonly cgroup: string;
}

/** What the image's own files say of its user (read below the rootfs, never through a link). */
export interface ImageUsers {
  /** Contents of /etc/passwd and /etc/group in the image, or "" when it has none. */
  readonly passwd: string;
  readonly group: string;
}

export interface ContainerPlanInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly image: ImageConfig;
  readonly users: ImageUsers;
  readonly paths: PodPaths;
  readonly machine: Machine;
}

export interface Machine {
  /** MemTotal. */
  readonly memoryBytes: number;
  readonly cpus: number;
  /** As `process.arch` has it, which is the default. */
  readonly arch?: string;
  /** Hard limit of RLIMIT_NOFILE that podrun itself has; without it containers inherit both limits unchanged. */
  readonly noFileHard?: number;
}
