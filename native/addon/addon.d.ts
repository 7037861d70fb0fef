/**
 * The whole surface of the native addon. One plain object in, one plain object or promise out.
 *
 * Every failure of the kernel is an `Error` with `errno` (positive number), `syscall` and, when known, `path`;
 * `src/native.ts` adds `code` ("ENOENT") and a JavaScript stack. A wrong argument is a `TypeError`.
 * Functions without a promise take microseconds; whatever may block runs on a thread of its own,
 * never on libuv's pool of four.
 */

/** A file descriptor that JavaScript owns; `close()` twice is harmless. Closed with the object too when it is collected, so keep a lock's. */
export interface OwnedFd {
  readonly fd: number;
  close(): void;
}

// ---------------------------------------------------------------------------------------------- spawn

export interface SandboxStart {
  /** Absolute path of the static `podrun-sandbox`; copied once per process into a sealed memfd. */
  readonly binary: string;
  /**
   * pids of sandboxes that other processes started: if one runs the same binary, its memfd is used instead of a copy, so that
   * all share their text. What is not (any more) a sandbox is passed over.
   */
  readonly peers?: readonly number[];
  /** Directory of the Pod's leaf cgroup on the unified hierarchy (v2, or "unified" on a hybrid host), for CLONE_INTO_CGROUP. */
  readonly cgroup: string;
  /** Share the host's network namespace (no CLONE_NEWNET). */
  readonly hostNetwork?: boolean;
  /** Share the host's IPC namespace (no CLONE_NEWIPC). */
  readonly hostIpc?: boolean;
}

export interface StartedSandbox {
  /** In the caller's pid namespace. */
  readonly pid: number;
  /** Clock ticks since boot, field 22 of /proc/<pid>/stat: with `pid` it identifies the process for ever. */
  readonly startTicks: number;
  /** Reaps the sandbox (waitid P_PIDFD, __WALL) and resolves once it has ended. Does not keep the event loop alive by itself. */
  readonly process: Pidfd;
  /**
   * Our end of the socket pair whose other end is the sandbox's fd 3: the supervising connection
   * (SOCK_STREAM, O_NONBLOCK, O_CLOEXEC). Hand it to `new net.Socket({ fd })`, which then owns it.
   */
  readonly controlFd: number;
}

/**
 * clone3(CLONE_VM|CLONE_VFORK|CLONE_PIDFD|CLONE_CLEAR_SIGHAND|CLONE_INTO_CGROUP|CLONE_NEWNS|NEWNET|NEWIPC|NEWUTS), then
 * execveat of the sealed memfd, synchronously (about 1 ms). The child has fds 0-2 on /dev/null, 3 the control socket,
 * nothing else, an empty environment, `/` as working directory, umask 0022, a session of its own (a terminal's Ctrl-C does
 * not reach it), and all signals unblocked and at their default.
 */
export function startSandbox(options: SandboxStart): StartedSandbox;

// ----------------------------------------------------------------------------------------------- reap

export interface Pidfd {
  readonly pid: number;
  /** Sends through the pidfd (pidfd_send_signal(2)); false when the process has already ended. */
  signal(signal: number): boolean;
  /**
   * Resolves when the process has ended, driven by libuv polling the pidfd. `exitCode` and `signal` are known
   * (not null) for what startSandbox started: that is reaped, also when nobody waits or after `close()`. One promise, however
   * often it is called; it rejects with ECANCELED when `close()` comes first.
   */
  wait(): Promise<{ readonly exitCode: number | null; readonly signal: number | null }>;
  /** Whether a pending `wait()` keeps the event loop alive (default: true). */
  ref(): void;
  unref(): void;
  close(): void;
}

/** pidfd_open(2) for a process that is not necessarily ours. Null if `pid` is gone or `startTicks` no longer match. */
export function openPidfd(pid: number, startTicks?: number): Pidfd | null;

// --------------------------------------------------------------------------------------------- cgroup

export interface CgroupLayout {
  /** "v2": controllers on the unified hierarchy; "hybrid": some on v1 with cgroup2 beside; v1 without any cgroup2 is refused. */
  readonly mode: 'v2' | 'hybrid';
  /** Mount point of cgroup2: /sys/fs/cgroup or /sys/fs/cgroup/unified. */
  readonly unified: string;
  /** controller name -> mount point of its v1 hierarchy; empty in "v2" mode. */
  readonly v1: Readonly<Record<string, string>>;
  /** Controllers that limits can be set with, whatever the hierarchy ("cpu", "memory", "pids", "cpuset", "io", "hugetlb"). */
  readonly controllers: readonly string[];
}

/** Read once from /proc/self/mountinfo and cgroup.controllers. Throws ENOTSUP when no cgroup2 is mounted. */
export function cgroupLayout(): CgroupLayout;

export interface CgroupLimits {
  /** cpu.max, or cpu.cfs_quota_us / cpu.cfs_period_us. */
  readonly cpuQuotaUs?: number;
  readonly cpuPeriodUs?: number;
  /** v1 cpu.shares 2..262144; on v2 written as cpu.weight by runc's formula of 2025 (shares 1024 -> weight 100). */
  readonly cpuShares?: number;
  /** memory.max or memory.limit_in_bytes, bytes. */
  readonly memoryBytes?: number;
  /** memory.swap.max = 0, or memory.memsw.limit_in_bytes = memoryBytes; silently skipped where the kernel has no swap accounting. */
  readonly noSwap?: boolean;
  /** memory.oom.group (v2 only; ignored on v1). */
  readonly oomGroup?: boolean;
  readonly pidsMax?: number;
}

export interface CgroupCreate {
  /**
   * Below every hierarchy's root, such as "podrun/pod<uid>/web.0"; parents are made with the controllers enabled for them.
   * Begins with "podrun", here and in all functions below: a TypeError otherwise.
   */
  readonly path: string;
  readonly limits?: CgroupLimits;
}

export interface CreatedCgroup {
  /** Directory on the unified hierarchy (always made): for CLONE_INTO_CGROUP and cgroup.kill. */
  readonly unified: string;
  /**
   * `tasks` files of the v1 hierarchies the limits need, or those of the parent (empty on v2). A single-threaded process that writes "0" to one moves
   * itself without the global grace period that a move from outside waits for (kernel/cgroup: cgroup_procs_write_start).
   */
  readonly tasks: readonly string[];
  /** memory.events (v2) or memory.oom_control (v1), for the oom_kill count; absent when no memory limit asked for a directory there. */
  readonly oomEvents?: string;
}

/**
 * Makes the cgroup and sets its limits. Processes below the path's first component may open the devices that every container
 * has (null, zero, full, random, urandom, tty, ptmx, pts) and no others: a BPF program on that directory sees to it.
 * Throws ENOTSUP with `path` = the controller's name when a limit has no controller here.
 */
export function cgroupCreate(options: CgroupCreate): CreatedCgroup;
/** Sets other limits on an existing cgroup. */
export function cgroupUpdate(options: CgroupCreate): CreatedCgroup;

export interface CgroupStat {
  readonly cpuUsageUs: number;
  /** 0 on v1 where no memory limit asked for a directory. */
  readonly memoryBytes: number;
  readonly oomKills: number;
  /** Number of processes in the subtree of the unified hierarchy. */
  readonly populated: boolean;
}
export function cgroupStat(path: string): CgroupStat;
/** cgroup.kill on the unified hierarchy: SIGKILL to everything below; a frozen v1 cgroup is thawed. No error when it is gone. */
export function cgroupKill(path: string): void;
/** Waits (cgroup.events, no polling) until nothing runs below, then removes the subtree in every hierarchy, and parents that are empty then. No error when it is gone. */
export function cgroupRemove(path: string): Promise<void>;
/** Direct children of a cgroup on any hierarchy: names, for recovery. */
export function cgroupList(path: string): string[];

// -------------------------------------------------------------------------------------------- network

export interface NetworkAttach {
  /** The Pod's sandbox: its network namespace is /proc/<pid>/ns/net. */
  readonly sandboxPid: number;
  /**
   * pids of other living sandboxes, any of which may hold the hub's descriptors (fds 4 and 5); empty for the first Pod.
   * A pid that is gone is passed over.
   */
  readonly peers: readonly number[];
  /** Name of the host's interface, for instance "podrun0". */
  readonly hostInterface: string;
  /** Host's address in the Pod subnet: "10.86.0.1". Also the Pods' gateway. */
  readonly gateway: string;
  /** 16 for 10.86.0.0/16. */
  readonly prefixLength: number;
  /** The Pod's address: "10.86.0.7". Its MAC is 0a:58 followed by the four bytes, so that stale ARP entries stay right. */
  readonly address: string;
  /** Name of the Pod's interface inside the hub, at most 15 characters. */
  readonly hubInterface: string;
  readonly mtu?: number;
}

/**
 * Gives the sandbox eth0 with address and default route, and brings up lo.
 *
 * All Pods of the machine hang on one bridge in a network namespace of its own, the hub; the host has one veth
 * into it, which carries the gateway's address. The hub is held by the sandboxes alone (fd 4 the namespace, fd 5 a
 * netlink socket that owns the nftables table "podrun" with the masquerade rule, NFT_TABLE_F_OWNER), so the kernel
 * takes bridge, veths, addresses, routes and rules away when the last of them dies, however it dies.
 * The two descriptors are returned for the caller to pass to the sandbox over its control socket (see passFds).
 * The host's end of a dead hub is deleted; of one that is still held it is waited for (RTM_DELLINK), at most 5 s.
 * net.ipv4.ip_forward is set to 1 where it is 0, and left so. Calls must not overlap: the caller holds a lock.
 */
export function networkAttach(options: NetworkAttach): Promise<{ readonly hub: OwnedFd; readonly rules: OwnedFd }>;

/** Only brings up lo in the namespace of `sandboxPid`. */
export function networkLoopback(sandboxPid: number): Promise<void>;

/** sendmsg(SCM_RIGHTS) of descriptors with `data` over a unix stream socket; the caller keeps its own copies. */
export function passFds(socketFd: number, data: Uint8Array, fds: readonly number[]): void;

// ----------------------------------------------------------------------------------------------- lock

/** flock(2) LOCK_EX on `path` (made 0600 when missing). Null when `wait` is false and another process holds it. */
export function lock(path: string, options: { readonly wait: false; readonly shared?: boolean }): OwnedFd | null;
export function lock(path: string, options: { readonly wait: true; readonly shared?: boolean }): Promise<OwnedFd>;

// -------------------------------------------------------------------------------------------- seccomp

/**
 * Compiles an OCI `linux.seccomp` object (JSON text) with libseccomp (dlopen on first use) to a BPF program (struct sock_filter).
 * Names that libseccomp does not know are passed over; a system call newer than all that the profile names fails with
 * ENOSYS rather than by a denying default. A malformed profile is a TypeError.
 */
export function compileSeccomp(profileJson: string): Promise<Uint8Array>;

// --------------------------------------------------------------------------------------------- unpack

export interface UnpackLayer {
  /** File with the layer blob. */
  readonly blob: string;
  readonly compression: 'none' | 'gzip' | 'zstd';
  /** Existing empty directory that only this call writes to; entries are resolved beneath it by descriptor. */
  readonly into: string;
  /** Refused beyond these: total bytes of all entries, number of entries. */
  readonly maxBytes: number;
  readonly maxEntries: number;
}
export interface UnpackedLayer {
  /** sha256 of the uncompressed stream, "sha256:<64 hex>". */
  readonly diffId: string;
  readonly sizeBytes: number;
  readonly entries: number;
}
/**
 * Applies one layer: whiteouts become overlayfs whiteouts (0:0 character devices) and opaque xattrs (trusted.overlay.opaque).
 * Errors carry `code` ERR_PODRUN_LAYER_*, or errno, syscall and path of the failing call.
 */
export function unpackLayer(
  options: UnpackLayer,
  signal?: { onAbort(cancel: () => void): void },
): Promise<UnpackedLayer>;
/** syncfs(2) of the filesystem that holds `path`. */
export function syncFilesystem(path: string): Promise<void>;
/** Removes a tree by descriptor, never following a link, on a thread of its own. No error when it is gone. */
export function removeTree(path: string): Promise<void>;
