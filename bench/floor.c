/*
 * What the kernel alone asks for the work that podrun does: the least any program could take.
 *
 *   floor start ROOT WORK MODE [CGROUP...]   one container with all namespaces, a veth with address and route, an overlay
 *                                            on ROOT and /proc, until its program (/bin/true) has been exec'd
 *   floor exec PID                           /bin/true in the namespaces of PID, until it has ended
 *
 * Prints nanoseconds. MODE says how the container gets into a new child of each CGROUP, with a cpu and a memory limit:
 *   none     it does not
 *   outside  its pid is written to cgroup.procs, as OCI runtimes do on v1: waits for a global grace period per hierarchy
 *   inside   it writes "0" to `tasks` itself, which skips that wait for a single thread (cgroup_procs_write_start)
 *   into     clone3(CLONE_INTO_CGROUP), v2 alone
 * `start` works in a network namespace of its own, so that nothing is left on the machine.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { maxCgroups = 4 };

struct start {
  const char *root, *work, *mode;
  int hostNet, hostNetlink;
  int cgroups;
  char path[maxCgroups][256];
};

static long long nowNs(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void check(long result, const char *what) {
  if (result < 0) err(1, "%s", what);
}

static void writeFile(const char *directory, const char *name, const char *text) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  check(fd, path);
  check(write(fd, text, strlen(text)), path);
  close(fd);
}

/* ------------------------------------------------------------------------------------------------ netlink */

struct request {
  struct nlmsghdr header;
  char body[512];
};

static void *append(struct request *r, const void *data, size_t size) {
  void *at = (char *)r + NLMSG_ALIGN(r->header.nlmsg_len);
  if (data) memcpy(at, data, size);
  r->header.nlmsg_len = NLMSG_ALIGN(r->header.nlmsg_len) + size;
  return at;
}

static struct rtattr *attribute(struct request *r, int type, const void *data, size_t size) {
  struct rtattr a = {.rta_len = RTA_LENGTH(size), .rta_type = type};
  struct rtattr *at = append(r, &a, sizeof a);
  if (size) append(r, data, size);
  return at;
}

static void endNest(struct request *r, struct rtattr *nest) {
  nest->rta_len = (char *)r + NLMSG_ALIGN(r->header.nlmsg_len) - (char *)nest;
}

static void send1(int fd, struct request *r, int type, int flags) {
  r->header.nlmsg_type = type;
  r->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
  check(send(fd, r, r->header.nlmsg_len, 0), "send to netlink");
  struct {
    struct nlmsghdr header;
    struct nlmsgerr error;
    char rest[512];
  } answer;
  check(recv(fd, &answer, sizeof answer, 0), "receive from netlink");
  if (answer.error.error) errx(1, "netlink request %d: %s", type, strerror(-answer.error.error));
}

static int openNetlink(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  check(fd, "netlink");
  return fd;
}

/* eth0 whose other end is in the namespace `hostNet`, both up; address 10.0.0.2/24; default route; lo up. */
static void network(int hostNet, int hostNetlink) {
  int fd = openNetlink();
  struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};

  struct request link = {.header.nlmsg_len = NLMSG_LENGTH(0)};
  append(&link, &up, sizeof up);
  attribute(&link, IFLA_IFNAME, "eth0", 5);
  struct rtattr *info = attribute(&link, IFLA_LINKINFO, NULL, 0);
  attribute(&link, IFLA_INFO_KIND, "veth", 4);
  struct rtattr *data = attribute(&link, IFLA_INFO_DATA, NULL, 0);
  struct rtattr *peer = attribute(&link, VETH_INFO_PEER, NULL, 0);
  /* Down: the peer can't be opened before it is linked to the first end (drivers/net/veth.c: veth_open). */
  struct ifinfomsg down = {0};
  append(&link, &down, sizeof down);
  attribute(&link, IFLA_IFNAME, "floor0", 7);
  attribute(&link, IFLA_NET_NS_FD, &hostNet, sizeof hostNet);
  endNest(&link, peer);
  endNest(&link, data);
  endNest(&link, info);
  send1(fd, &link, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);

  struct request hostEnd = {.header.nlmsg_len = NLMSG_LENGTH(0)};
  append(&hostEnd, &up, sizeof up);
  attribute(&hostEnd, IFLA_IFNAME, "floor0", 7);
  send1(hostNetlink, &hostEnd, RTM_NEWLINK, 0);

  struct request lo = {.header.nlmsg_len = NLMSG_LENGTH(0)};
  up.ifi_index = 1;
  append(&lo, &up, sizeof up);
  send1(fd, &lo, RTM_NEWLINK, 0);

  in_addr_t own = inet_addr("10.0.0.2"), gateway = inet_addr("10.0.0.1");
  struct ifaddrmsg a = {.ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = if_nametoindex("eth0")};
  struct request address = {.header.nlmsg_len = NLMSG_LENGTH(0)};
  append(&address, &a, sizeof a);
  attribute(&address, IFA_LOCAL, &own, sizeof own);
  attribute(&address, IFA_ADDRESS, &own, sizeof own);
  send1(fd, &address, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);

  struct rtmsg m = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC, .rtm_type = RTN_UNICAST};
  struct request route = {.header.nlmsg_len = NLMSG_LENGTH(0)};
  append(&route, &m, sizeof m);
  attribute(&route, RTA_GATEWAY, &gateway, sizeof gateway);
  send1(fd, &route, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  close(fd);
}

/* ----------------------------------------------------------------------------------------------- container */

static void container(const struct start *s, int go) {
  char options[768], byte;
  if (!strcmp(s->mode, "inside")) {
    for (int i = 0; i < s->cgroups; i++) writeFile(s->path[i], "tasks", "0");
  }
  if (!strcmp(s->mode, "outside")) check(read(go, &byte, 1), "wait for the cgroups");
  network(s->hostNet, s->hostNetlink);
  check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make mounts private");
  snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s/upper,workdir=%s/work", s->root, s->work, s->work);
  char merged[300];
  snprintf(merged, sizeof merged, "%s/merged", s->work);
  check(mount("overlay", merged, "overlay", 0, options), "mount overlay");
  check(chdir(merged), "chdir");
  check(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "mount proc");
  check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
  check(umount2(".", MNT_DETACH), "umount");
  check(chdir("/"), "chdir /");
  execl("/bin/true", "true", NULL);
  err(1, "exec /bin/true");
}

static void makeCgroups(struct start *s, char **parents, int count) {
  for (int i = 0; i < count && i < maxCgroups; i++) {
    snprintf(s->path[i], sizeof s->path[i], "%s/floor%d", parents[i], getpid());
    check(mkdir(s->path[i], 0755), s->path[i]);
    s->cgroups = i + 1;
    if (!strcmp(s->mode, "into")) {
      writeFile(s->path[i], "cpu.max", "50000 100000");
      writeFile(s->path[i], "memory.max", "209715200");
    } else if (strstr(s->path[i], "/cpu/") || strstr(s->path[i], "/cpu,")) {
      writeFile(s->path[i], "cpu.cfs_quota_us", "50000");
    } else if (strstr(s->path[i], "/memory/")) {
      writeFile(s->path[i], "memory.limit_in_bytes", "209715200");
    }
  }
}

static int start(int argc, char **argv) {
  if (argc < 5) errx(2, "usage: floor start ROOT WORK none|outside|inside|into [CGROUP...]");
  struct start s = {.root = argv[2], .work = argv[3], .mode = argv[4]};
  check(unshare(CLONE_NEWNET), "unshare");
  s.hostNet = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  s.hostNetlink = openNetlink();
  char path[3][300];
  const char *names[] = {"upper", "work", "merged"};
  int executed[2], go[2], pidfd = -1;
  check(pipe2(executed, O_CLOEXEC), "pipe");
  check(pipe2(go, O_CLOEXEC), "pipe");

  long long began = nowNs();
  if (strcmp(s.mode, "none")) makeCgroups(&s, argv + 5, argc - 5);
  for (int i = 0; i < 3; i++) {
    snprintf(path[i], sizeof path[i], "%s/%s", s.work, names[i]);
    check(mkdir(path[i], 0755), path[i]);
  }
  struct clone_args args = {.flags = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNS |
                                     CLONE_NEWCGROUP | CLONE_PIDFD,
                            .pidfd = (unsigned long)&pidfd,
                            .exit_signal = SIGCHLD};
  if (!strcmp(s.mode, "into")) {
    int cgroup = open(s.path[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check(cgroup, s.path[0]);
    args.cgroup = cgroup;
    args.flags |= CLONE_INTO_CGROUP;
  }
  pid_t pid = syscall(SYS_clone3, &args, sizeof args);
  check(pid, "clone3");
  if (pid == 0) container(&s, go[0]);
  close(executed[1]);
  if (!strcmp(s.mode, "outside")) {
    char text[16];
    snprintf(text, sizeof text, "%d", pid);
    for (int i = 0; i < s.cgroups; i++) writeFile(s.path[i], "cgroup.procs", text);
    check(write(go[1], "", 1), "go");
  }
  char byte;
  check(read(executed[0], &byte, 1), "wait for exec");
  long long ended = nowNs();

  int status;
  check(waitpid(pid, &status, 0), "waitpid");
  for (int i = 0; i < s.cgroups; i++) rmdir(s.path[i]);
  if (status) errx(1, "the container ended with %d", status);
  printf("%lld\n", ended - began);
  return 0;
}

static int exec(int argc, char **argv) {
  if (argc != 3) errx(2, "usage: floor exec PID");
  long long began = nowNs();
  int target = pidfd_open(atoi(argv[2]), 0), status;
  check(target, "pidfd_open");
  check(setns(target, CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWCGROUP), "setns");
  pid_t pid = vfork();
  if (pid == 0) {
    execl("/bin/true", "true", NULL);
    _exit(127);
  }
  check(pid, "vfork");
  check(waitpid(pid, &status, 0), "waitpid");
  if (status) errx(1, "the program ended with %d", status);
  printf("%lld\n", nowNs() - began);
  return 0;
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "start")) return start(argc, argv);
  if (argc > 1 && !strcmp(argv[1], "exec")) return exec(argc, argv);
  errx(2, "usage: floor start|exec ...");
}
