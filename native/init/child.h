#pragma once

#include <sys/types.h>

#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "base/oci.h"
#include "init/cgroup.h"
#include "init/mount/rootfs.h"

namespace podrun {

/** All that a container's first process needs to know. */
struct ContainerStart {
  oci::Config config;
  std::string bundle;
  Rootfs rootfs;
  CgroupPaths cgroup;
  std::string seccompBpf;  // path of a compiled filter, or ""
};

/** All that a further process in a running container needs to know. */
struct ExecStart {
  oci::Process process;
  CgroupPaths cgroup;
  std::string seccompBpf;
  int pidfd = -1;  // of the container's first process
};

/** Descriptors of the sandbox that become 0, 1 and 2; -1 leaves /dev/null. */
struct Stdio {
  int in = -1;
  int out = -1;
  int err = -1;
};

/** Clones the first process of a container; it reports on `channel` (see report.h) and never returns from
 * here. */
Result<struct Cloned> startContainer(const ContainerStart& start, const Stdio& stdio, int channel);

/**
 * Clones a short-lived helper that gives the sandbox a child inside the container's pid namespace
 * (CLONE_PARENT), which joins the rest and becomes the program. The helper has closed everything of the
 * host's before anybody in the container can see the child.
 */
Result<struct Cloned> startExec(const ExecStart& start, const Stdio& stdio, int channel);

}  // namespace podrun
