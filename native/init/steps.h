#pragma once

#include "base/error.h"
#include "base/fd.h"
#include "init/child.h"
#include "init/seccomp.h"

namespace podrun::steps {

/** The state of one child on its way from clone to exec. */
struct Child {
  const oci::Process& process;
  const CgroupPaths& cgroup;
  const std::string& seccompPath;
  const ContainerStart* start;  // null in an exec session
  int pidfd;                    // of the container, in an exec session
  Stdio stdio;
  int channel;

  unique_fd root;
  unique_fd null;  // of the container
  SeccompProgram seccomp;
};

/** What a child does, one thing each. The order, and the reason for it, is in child.cc. */
Status placeStdio(Child& child);
Status placeNull(Child& child);
Status keepOnlyNeeded(Child& child);
Status stay(Child& child);
Status newSession(Child& child);
Status noUmask(Child& child);
Status join(Child& child);
Status oomScore(Child& child);
Status readFilter(Child& child);
Status ownCgroupNamespace(Child& child);
Status overlay(Child& child);
Status mounts(Child& child);
Status readonlyPaths(Child& child);
Status maskedPaths(Child& child);
Status pivot(Child& child);
Status rootAttributes(Child& child);
Status openRoot(Child& child);
Status ownNull(Child& child);
Status workingDirectory(Child& child);
Status rlimits(Child& child);
Status boundingSet(Child& child);
Status user(Child& child);
Status closeAll(Child& child);
Status tellReady(Child& child);
Status noNewPrivileges(Child& child);
Status privilegedFilter(Child& child);
Status unprivilegedFilter(Child& child);
Status capabilities(Child& child);
Status joinContainer(Child& child);
Status sayHello(Child& child);
Status terminal(Child& child);

}  // namespace podrun::steps
