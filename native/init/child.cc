#include "init/child.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <unistd.h>

#include <span>

#include "init/namespaces.h"
#include "init/program.h"
#include "init/report.h"
#include "init/steps.h"

namespace podrun {
namespace {

using steps::Child;

struct Step {
  const char* name;
  Status (*run)(Child&);
};

[[noreturn]] void fail(Child& child, const SysError& error, const char* step, int exitCode) {
  sendReport(child.channel, failureReport(error, step, exitCode));
  _exit(exitCode);
}

void run(Child& child, std::span<const Step> steps) {
  for (const Step& step : steps) {
    if (Status done = step.run(child); !done) fail(child, done.error(), step.name, 128);
  }
}

/** What both kinds of process do last, in the container's namespaces and root. */
constexpr Step kBecomeProgram[] = {
    // As root: a user may be given a directory it could not reach itself.
    {"enter the working directory", steps::workingDirectory},
    // Read-only from here on; the working directory may have had to be made.
    {"set the root's attributes", steps::rootAttributes},
    // After all that opens files or allocates; before the user loses CAP_SYS_RESOURCE.
    {"set resource limits", steps::rlimits},
    // Needs CAP_SETPCAP.
    {"set the bounding set", steps::boundingSet},
    {"change the user", steps::user},
    // Nothing is opened after this (CVE-2024-21626).
    {"close descriptors", steps::closeAll},
    // Before the filter, which may forbid to say anything.
    {"get ready", steps::tellReady},
    {"set no_new_privs", steps::noNewPrivileges},
    // Without no_new_privs it needs CAP_SYS_ADMIN, which the next step takes (seccomp(2)).
    {"load the seccomp filter", steps::privilegedFilter},
    {"set the capabilities", steps::capabilities},
    // Again: the kernel forgets it when credentials change (PR_SET_PDEATHSIG(2const)).
    {"die with the sandbox", steps::stay},
    // With no_new_privs it needs no privilege, and then a filter has to allow nothing of ours but execve.
    {"load the seccomp filter", steps::unprivilegedFilter},
};

/** The first process of a container, from clone to its own root. */
constexpr Step kStartContainer[] = {
    // Before there is anything to leave behind.
    {"die with the sandbox", steps::stay},
    {"start a session", steps::newSession},
    // Modes of nodes and directories are meant as they stand.
    {"clear the umask", steps::noUmask},
    // Before memory is used, and before the cgroup namespace: its root is where we are then.
    {"join the cgroups", steps::join},
    // The host's /proc, which is gone later.
    {"set oom_score_adj", steps::oomScore},
    {"read the seccomp filter", steps::readFilter},
    {"make the cgroup namespace", steps::ownCgroupNamespace},
    {"mount the root filesystem", steps::overlay},
    {"mount", steps::mounts},
    // After the mounts that bring it.
    {"open the container's /dev/null", steps::ownNull},
    // /proc and /sys are there now.
    {"make paths read-only", steps::readonlyPaths},
    // After the read-only ones, some of which contain masked ones.
    {"mask paths", steps::maskedPaths},
    {"place the standard streams", steps::placeStdio},
    {"place /dev/null", steps::placeNull},
    // Everything of the host that was needed is open or attached.
    {"enter the root", steps::pivot},
};

/** The helper of an exec session: in the host's pid namespace, seen by nobody in the container. */
constexpr Step kPrepareExec[] = {
    {"die with the sandbox", steps::stay},
    {"start a session", steps::newSession},
    {"clear the umask", steps::noUmask},
    {"join the cgroups", steps::join},
    {"set oom_score_adj", steps::oomScore},
    {"read the seccomp filter", steps::readFilter},
    {"place the standard streams", steps::placeStdio},
    // Whoever may trace processes in the container could take what is open, and our root, from the child
    // (CVE-2016-9962): after these four steps there is nothing left to take.
    {"close descriptors", steps::keepOnlyNeeded},
    {"join the container", steps::joinContainer},
    {"open the container's root", steps::openRoot},
    {"open the container's /dev/null", steps::ownNull},
    {"place /dev/null", steps::placeNull},
};

/** The session's process itself, in the container's pid namespace. */
constexpr Step kJoinContainer[] = {
    // First of all: the sandbox must know the pid before it can be reaped.
    {"say hello", steps::sayHello},
    // Not inherited over clone.
    {"die with the sandbox", steps::stay},
    // Of its own, or it could not have a terminal.
    {"start a session", steps::newSession},
    {"open a terminal", steps::terminal},
};

[[noreturn]] void becomeProgram(Child& child) {
  run(child, kBecomeProgram);
  const SysError error = execProgram(child.process);
  fail(child, error, "exec", execExitCode(error));
}

}  // namespace

Result<Cloned> startContainer(const ContainerStart& start, const Stdio& stdio, int channel) {
  unique_fd cgroup(open(start.cgroup.unified.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!cgroup) return SysError::last("open", start.cgroup.unified);
  Result<Cloned> cloned = cloneProcess(CLONE_NEWPID | CLONE_NEWNS, cgroup.get());
  if (!cloned || cloned->pid != 0) return cloned;
  Child child{start.config.process, start.cgroup, start.seccompBpf, &start, -1, stdio, channel, {}, {}, {}};
  run(child, kStartContainer);
  becomeProgram(child);
}

Result<Cloned> startExec(const ExecStart& start, const Stdio& stdio, int channel) {
  unique_fd cgroup(open(start.cgroup.unified.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!cgroup) return SysError::last("open", start.cgroup.unified);
  Result<Cloned> cloned = cloneProcess(0, cgroup.get());
  if (!cloned || cloned->pid != 0) return cloned;
  Child child{
      start.process, start.cgroup, start.seccompBpf, nullptr, start.pidfd, stdio, channel, {}, {}, {}};
  run(child, kPrepareExec);
  Result<Cloned> inside = cloneProcess(CLONE_PARENT, -1);
  if (!inside) fail(child, inside.error(), "join the container", 128);
  if (inside->pid != 0) _exit(0);
  run(child, kJoinContainer);
  becomeProgram(child);
}

}  // namespace podrun
