import { PodrunError } from '../errors.js';
import type { SeccompPlan } from './plan.js';

/** Raised with every change of what this file builds: compiled programs are cached under it. A test holds the two together. */
const profileVersion = 1;

interface Argument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: 'SCMP_CMP_EQ' | 'SCMP_CMP_LT' | 'SCMP_CMP_GT' | 'SCMP_CMP_MASKED_EQ';
}

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO';
  readonly errnoRet?: number;
  readonly args?: readonly Argument[];
}

/** linux.seccomp of the OCI runtime spec. */
export interface SeccompProfile {
  readonly defaultAction: 'SCMP_ACT_ERRNO';
  readonly defaultErrnoRet: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly SeccompRule[];
}

/**
 * System calls that any container may make, by subject. The set is that of containerd's default profile (2.4); names
 * that the machine's libseccomp does not know yet are for the compiler to pass over. Split only when a profile is built.
 */
const always = {
  files: `access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2
    fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64
    fdatasync flock fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents
    getdents64 inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl lchown lchown32 link linkat listmount
    _llseek lseek lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pipe pipe2
    readahead readlink readlinkat rename renameat renameat2 rmdir stat stat64 statfs statfs64 statmount statx symlink
    symlinkat sync sync_file_range syncfs truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes`,
  attributes: `fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat llistxattr
    lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat`,
  transfer: `io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit pread64 preadv preadv2
    pwrite64 pwritev pwritev2 read readv sendfile sendfile64 splice tee vmsplice write writev`,
  waiting: `epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd
    eventfd2 _newselect poll ppoll ppoll_time64 pselect6 pselect6_time64 select`,
  sockets: `accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64
    recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair`,
  ipc: `ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64
    mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget`,
  memory: `brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap
    mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease
    remap_file_pages`,
  processes: `execve execveat exit exit_group fork getcpu getpgid getpgrp getpid getppid getpriority getrlimit getrusage
    getsid gettid ioprio_get ioprio_set pidfd_open prctl prlimit64 process_vm_readv process_vm_writev ptrace rseq
    sched_getaffinity sched_getattr sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler
    sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler
    sched_yield setpgid setpriority setrlimit setsid ugetrlimit uretprobe vfork wait4 waitid waitpid`,
  threads: `futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake get_robust_list get_thread_area
    set_robust_list set_thread_area set_tid_address`,
  signals: `alarm getitimer kill pause pidfd_send_signal restart_syscall rt_sigaction rt_sigpending rt_sigprocmask
    rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo setitimer
    sigaltstack signalfd signalfd4 sigprocmask sigreturn tgkill tkill`,
  identity: `capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32
    getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32
    setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32`,
  confinement: `landlock_add_rule landlock_create_ruleset landlock_restrict_self lsm_get_self_attr lsm_list_modules
    lsm_set_self_attr seccomp`,
  time: `adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
    clock_nanosleep clock_nanosleep_time64 gettimeofday nanosleep time timer_create timer_delete timer_getoverrun
    timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64
    timerfd_settime timerfd_settime64 times`,
  system: 'getrandom sysinfo uname',
};

/** What a capability in the bounding set adds. */
const byCapability: Readonly<Record<string, string>> = {
  CAP_BPF: 'bpf',
  CAP_DAC_READ_SEARCH: 'open_by_handle_at',
  CAP_PERFMON: 'perf_event_open',
  CAP_SYSLOG: 'syslog',
  CAP_SYS_ADMIN: `bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr
    move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare`,
  CAP_SYS_BOOT: 'reboot',
  CAP_SYS_CHROOT: 'chroot',
  CAP_SYS_MODULE: 'delete_module finit_module init_module',
  CAP_SYS_NICE: 'get_mempolicy mbind set_mempolicy set_mempolicy_home_node',
  CAP_SYS_PACCT: 'acct',
  CAP_SYS_PTRACE: 'kcmp pidfd_getfd process_madvise',
  CAP_SYS_RAWIO: 'ioperm iopl',
  CAP_SYS_TIME: 'clock_settime clock_settime64 settimeofday stime',
  CAP_SYS_TTY_CONFIG: 'vhangup',
};

/** By `process.arch`; each with the ABIs of other word sizes, which would otherwise be a way around the filter. */
const byArchitecture: Readonly<Record<string, { readonly abis: readonly string[]; readonly names: string }>> = {
  x64: { abis: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'], names: 'arch_prctl modify_ldt' },
  arm64: {
    abis: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
    names: 'arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2',
  },
};

/** CLONE_NEW* of clone(2): mount, cgroup, UTS, IPC, user, pid, net. */
const cloneNamespaces = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000;
const EPERM = 1;
const ENOSYS = 38;
const AF_ALG = 38;
const AF_VSOCK = 40;
/** personality(2): PER_LINUX, PER_LINUX32, each also with UNAME26, and the question what it is. */
const personalities = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

/** The default profile for a container with these capabilities, not built yet. */
export function defaultSeccompPlan(capabilities: readonly string[], arch: string): SeccompPlan {
  return { key: defaultSeccompKey(capabilities, arch), build: () => defaultSeccomp(capabilities, arch) };
}

/** Same key, same profile: only capabilities that matter to it are in the key. */
export function defaultSeccompKey(capabilities: readonly string[], arch: string): string {
  const added = capabilities.filter((name) => Object.hasOwn(byCapability, name)).sort();
  return ['default', profileVersion, arch, ...added].join('.');
}

/**
 * What is not listed fails with EPERM. Equal input gives equal JSON.
 * @throws ERR_PODRUN_SECCOMP for an architecture without a profile
 */
export function defaultSeccomp(capabilities: readonly string[], arch: string): SeccompProfile {
  const machine = Object.hasOwn(byArchitecture, arch) ? byArchitecture[arch] : undefined;
  if (machine === undefined) throw new PodrunError('ERR_PODRUN_SECCOMP', `no default seccomp profile for ${arch}`);
  const groups = [...Object.values(always), machine.names, ...capabilities.map((name) => byCapability[name] ?? '')];
  const names = [...new Set(groups.join(' ').split(/\s+/))].filter((name) => name !== '').sort();
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: EPERM,
    architectures: machine.abis,
    syscalls: [
      { names, action: 'SCMP_ACT_ALLOW' },
      ...socketRules,
      ...personalities.map((value) => allowIf('personality', { index: 0, value, op: 'SCMP_CMP_EQ' })),
      ...(capabilities.includes('CAP_SYS_ADMIN') ? [] : cloneRules),
    ],
  };
}

function allowIf(name: string, argument: Argument): SeccompRule {
  return { names: [name], action: 'SCMP_ACT_ALLOW', args: [argument] };
}

/**
 * Every family but AF_ALG (kernel crypto) and AF_VSOCK (the hypervisor): three ranges of one condition each. Two
 * "not equal" in one rule come apart into two rules when compiled, and together would allow both.
 */
const socketRules: readonly SeccompRule[] = [
  allowIf('socket', { index: 0, value: AF_ALG, op: 'SCMP_CMP_LT' }),
  allowIf('socket', { index: 0, value: AF_ALG + 1, op: 'SCMP_CMP_EQ' }),
  allowIf('socket', { index: 0, value: AF_VSOCK, op: 'SCMP_CMP_GT' }),
];

/**
 * No new namespaces. A filter can't look behind clone3's pointer, so it says ENOSYS, upon which C libraries fall back
 * to clone; EPERM would make them give up.
 */
const cloneRules: readonly SeccompRule[] = [
  allowIf('clone', { index: 0, value: cloneNamespaces, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }),
  { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
];
