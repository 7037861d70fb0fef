#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "sandbox/sandbox.h"

/**
 * podrun-sandbox: holder, monitor and reaper of one Pod. See PROTOCOL.md. Started with fd 3 as its
 * supervising connection, in its own mount, network, IPC and UTS namespaces; it has no arguments, no
 * environment, and makes no decisions.
 */
int main() {
  using podrun::unique_fd;
  // Our descriptors and memory are nobody's business, least of all a container's that may trace
  // (CVE-2016-9962).
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  // execveat(2) of a memfd names the process after its descriptor.
  prctl(PR_SET_NAME, "podrun-sandbox", 0, 0, 0);
  // Orphans of exec sessions' helpers come to us, not to the machine's init.
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  // Ctrl-C on the supervisor's terminal is the supervisor's to handle.
  setsid();
  // Mounts of the host still arrive here, ours never get there.
  if (mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) return 1;
  if (fcntl(3, F_SETFD, FD_CLOEXEC) != 0 || fcntl(3, F_SETFL, O_NONBLOCK) != 0) return 1;
  // Kept free for holdFds, which comes when others have been opened.
  for (const int fd : {4, 5}) {
    if (dup3(0, fd, O_CLOEXEC) < 0) return 1;
  }
  signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  unique_fd events(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!events) return 1;
  podrun::Sandbox sandbox(unique_fd(3), std::move(events));
  sandbox.run();
  return 0;
}
