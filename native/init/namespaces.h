#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/error.h"
#include "base/fd.h"

namespace podrun {

struct Cloned {
  pid_t pid = 0;  // 0 in the child
  unique_fd pidfd;
};

/**
 * clone3(2) as fork(2) does it, with namespaces in `flags`, CLONE_PIDFD, and (Linux 5.7) the child born in
 * `cgroup`, an open directory of the unified hierarchy (-1: the caller's). Memory is copied, not shared: the
 * sandbox is small and has one thread, so the child may allocate.
 */
Result<Cloned> cloneProcess(uint64_t flags, int cgroup);

/** A SIGKILL when the sandbox ends; when it has ended already, which nobody reads `channel` shows, at once.
 */
Status dieWithSandbox(int channel);

/**
 * Own session: the process group crosses pid namespaces, and kill(0, ...) inside would reach the sandbox
 * otherwise. All dispositions and the signal mask as a program expects them: both survive exec (signal(7)).
 */
Status resetSignals();

}  // namespace podrun
