#include "init/steps.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/mount/devices.h"
#include "init/mount/mount_api.h"
#include "init/mount/mounts.h"
#include "init/namespaces.h"
#include "init/privileges.h"
#include "init/program.h"
#include "init/report.h"
#include "init/terminal.h"

namespace podrun::steps {
namespace {

constexpr int kChannelFd = 3;
constexpr int kPidfdFd = 4;

}  // namespace

/** Pipes of the sandbox, and /dev/null for the rest: the host's, that we were born with, must not be seen by
 * the program. */
Status placeStdio(Child& child) {
  const int from[3] = {child.stdio.in, child.stdio.out, child.stdio.err};
  for (int fd = 0; fd < 3; fd++) {
    if (from[fd] < 0) continue;
    if (dup2(from[fd], fd) < 0) return SysError::last("dup2");
    // A user other than root must be able to open /dev/stdout and the like again: that checks the pipe's own
    // owner.
    if (fchown(fd, child.process.user.uid, static_cast<gid_t>(-1)) != 0) return SysError::last("fchown");
  }
  return Done{};
}

Status placeNull(Child& child) {
  const int from[3] = {child.stdio.in, child.stdio.out, child.stdio.err};
  for (int fd = 0; fd < 3; fd++) {
    if (from[fd] < 0 && dup2(child.null.get(), fd) < 0) return SysError::last("dup2");
  }
  return Done{};
}

Status keepOnlyNeeded(Child& child) {
  // Both were opened after the sandbox's own first descriptors, so they are above 3 and 4 and nothing needed
  // is overwritten.
  if (dup3(child.channel, kChannelFd, O_CLOEXEC) < 0) return SysError::last("dup3");
  child.channel = kChannelFd;
  unsigned first = kChannelFd + 1;
  if (child.pidfd >= 0) {
    if (dup3(child.pidfd, kPidfdFd, O_CLOEXEC) < 0) return SysError::last("dup3");
    child.pidfd = kPidfdFd;
    first = kPidfdFd + 1;
  }
  if (syscall(SYS_close_range, first, ~0u, 0) != 0) return SysError::last("close_range");
  return Done{};
}

Status stay(Child& child) {
  return dieWithSandbox(child.channel);
}
Status newSession(Child&) {
  return resetSignals();
}
Status noUmask(Child&) {
  return umask(0), Done{};
}
Status join(Child& child) {
  return joinCgroups(child.cgroup);
}
Status oomScore(Child& child) {
  return setOomScore(child.process);
}

Status readFilter(Child& child) {
  Result<SeccompProgram> program = readSeccomp(child.seccompPath);
  if (!program) return std::move(program.error());
  child.seccomp = std::move(*program);
  return Done{};
}

Status ownCgroupNamespace(Child& child) {
  if (!child.start->config.cgroupNamespace) return Done{};
  if (unshare(CLONE_NEWCGROUP) != 0) return SysError::last("unshare(CLONE_NEWCGROUP)");
  return Done{};
}

Status overlay(Child& child) {
  Result<unique_fd> root = mountRootfs(child.start->rootfs, child.start->bundle + "/rootfs");
  if (!root) return std::move(root.error());
  child.root = std::move(*root);
  return Done{};
}

Status mounts(Child& child) {
  return mountAll(child.root.get(), child.start->config.mounts, child.cgroup);
}
Status readonlyPaths(Child& child) {
  return makeReadonly(child.root.get(), child.start->config.readonlyPaths);
}
Status maskedPaths(Child& child) {
  return maskPaths(child.root.get(), child.start->config.maskedPaths, child.null.get());
}
Status pivot(Child& child) {
  return pivotInto(child.root.get());
}

Status rootAttributes(Child& child) {
  if (child.start == nullptr) return Done{};
  const oci::Config& config = child.start->config;
  const MountChange change{config.readonlyRoot ? uint64_t{MOUNT_ATTR_RDONLY} : 0, 0,
                           config.rootfsPropagation == oci::Propagation::shared ? uint64_t{MS_SHARED} : 0};
  if (change.set == 0 && change.propagation == 0) return Done{};
  return setMount(child.root.get(), change, false);
}

Status openRoot(Child& child) {
  child.root.reset(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!child.root) return SysError::last("open", "/");
  return Done{};
}

Status ownNull(Child& child) {
  Result<unique_fd> null = openNullInRoot(child.root.get());
  if (!null) return std::move(null.error());
  child.null = std::move(*null);
  return Done{};
}

Status workingDirectory(Child& child) {
  return enterWorkingDirectory(child.root.get(), child.process.cwd);
}
Status rlimits(Child& child) {
  return setRlimits(child.process.rlimits);
}
Status boundingSet(Child& child) {
  return limitBoundingSet(child.process.capabilities);
}
Status user(Child& child) {
  return becomeUser(child.process.user);
}

Status closeAll(Child& child) {
  if (child.channel != kChannelFd && dup3(child.channel, kChannelFd, O_CLOEXEC) < 0)
    return SysError::last("dup3");
  child.channel = kChannelFd;
  if (syscall(SYS_close_range, kChannelFd + 1, ~0u, 0) != 0) return SysError::last("close_range");
  child.root.release();
  child.null.release();
  return Done{};
}

Status tellReady(Child& child) {
  Report report;
  report.kind = Report::Kind::ready;
  sendReport(child.channel, report);
  return Done{};
}

Status noNewPrivileges(Child& child) {
  if (child.process.noNewPrivileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return SysError::last("prctl(PR_SET_NO_NEW_PRIVS)");
  }
  return Done{};
}

Status privilegedFilter(Child& child) {
  return child.process.noNewPrivileges ? Status(Done{}) : loadSeccomp(child.seccomp);
}
Status unprivilegedFilter(Child& child) {
  return child.process.noNewPrivileges ? loadSeccomp(child.seccomp) : Status(Done{});
}
Status capabilities(Child& child) {
  return setCapabilities(child.process.capabilities);
}

Status joinContainer(Child& child) {
  // One call with a pidfd (Linux 5.8) takes them all or none. Root and working directory become the
  // container's at once, the pid namespace only for the next child.
  if (setns(child.pidfd, CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWPID) != 0) return SysError::last("setns");
  close(child.pidfd);
  child.pidfd = -1;
  return Done{};
}

Status sayHello(Child& child) {
  sendReport(child.channel, Report{});
  return Done{};
}

Status terminal(Child& child) {
  if (!child.process.terminal) return Done{};
  Result<Terminal> terminal = openTerminal(child.root.get(), child.process);
  if (!terminal) return std::move(terminal.error());
  if (Status used = useTerminal(*terminal); !used) return used;
  Report report;
  report.kind = Report::Kind::terminal;
  sendReport(child.channel, report, terminal->master.get());
  return Done{};
}

}  // namespace podrun::steps
