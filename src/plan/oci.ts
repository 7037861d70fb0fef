/**
 * The part of the OCI runtime spec (v1.2) that podrun writes into `config.json`, field for field. The sandbox refuses
 * anything else: see native/base/oci.h.
 */
export interface OciConfig {
  readonly ociVersion: '1.2.0';
  readonly process: OciProcess;
  readonly root: { readonly path: 'rootfs'; readonly readonly: boolean };
  readonly hostname?: string;
  readonly mounts: readonly OciMount[];
  readonly linux: OciLinux;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface OciProcess {
  readonly terminal: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly user: {
    readonly uid: number;
    readonly gid: number;
    readonly umask?: number;
    readonly additionalGids?: readonly number[];
  };
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities: {
    readonly bounding: readonly string[];
    readonly effective: readonly string[];
    readonly permitted: readonly string[];
    readonly inheritable: readonly string[];
    readonly ambient: readonly string[];
  };
  readonly rlimits?: readonly { readonly type: string; readonly hard: number; readonly soft: number }[];
  readonly noNewPrivileges: boolean;
  readonly oomScoreAdj?: number;
}

export interface OciMount {
  readonly destination: string;
  /** "bind", "cgroup" (what the host has: v2, or v1 hierarchies), or a filesystem: proc, sysfs, tmpfs, devpts, mqueue. */
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface OciLinux {
  /** A namespace with `path` is joined, one without is made; net, ipc and uts are the sandbox's and not listed. */
  readonly namespaces: readonly { readonly type: 'pid' | 'mount' | 'cgroup'; readonly path?: string }[];
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  /** For tools that read the bundle; the addon has applied it already when the container starts. */
  readonly cgroupsPath: string;
  readonly rootfsPropagation?: 'private' | 'slave' | 'shared';
}
