#include "init/namespaces.h"

#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace podrun {

Result<Cloned> cloneProcess(uint64_t flags, int cgroup) {
  int pidfd = -1;
  clone_args args{};
  args.flags = flags | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<uintptr_t>(&pidfd);
  // With CLONE_PARENT the signal is the caller's own, and naming one is EINVAL.
  if ((flags & CLONE_PARENT) == 0) args.exit_signal = SIGCHLD;
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(cgroup);
  }
  const long pid = syscall(SYS_clone3, &args, sizeof(args));
  if (pid < 0) return SysError::last("clone3");
  return Cloned{static_cast<pid_t>(pid), unique_fd(pid > 0 ? pidfd : -1)};
}

Status dieWithSandbox(int channel) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return SysError::last("prctl(PR_SET_PDEATHSIG)");
  pollfd poller{channel, 0, 0};
  if (poll(&poller, 1, 0) > 0 && (poller.revents & (POLLHUP | POLLERR)) != 0) _exit(1);
  return Done{};
}

Status resetSignals() {
  setsid();
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; signal++) sigaction(signal, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, nullptr) != 0) return SysError::last("sigprocmask");
  return Done{};
}

}  // namespace podrun
