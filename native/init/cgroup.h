#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace podrun {

struct CgroupPaths {
  /** Directory on the unified hierarchy; joined by CLONE_INTO_CGROUP. */
  std::string unified;
  /** `tasks` files of v1 hierarchies (hybrid hosts only). */
  std::vector<std::string> tasks;
  /** File with the oom_kill count, or "". */
  std::string oomEvents;
};

/**
 * The calling process, which has one thread, moves itself into the v1 cgroups by writing "0" to their
 * `tasks`: unlike a move from outside it waits for no grace period (cgroup_procs_write_start takes the global
 * lock for whole thread groups only).
 */
Status joinCgroups(const CgroupPaths& cgroup);

/** The oom_kill count of the cgroup; 0 where there is none to read. */
uint64_t readOomKills(const CgroupPaths& cgroup);

/** SIGKILL to all processes of the cgroup, by cgroup.kill (Linux 5.14). */
Status killCgroup(const CgroupPaths& cgroup);

/**
 * Attaches the container's own cgroups read-only at `target` (an open directory of the rootfs). Where cgroup2
 * is all there is, the unified directory itself. On a hybrid host a read-only tmpfs with one directory per
 * hierarchy that the container has joined and `unified`, named as on the host: programs that look for their
 * limits (JVM, Go, Node) find them where they expect them.
 */
Status mountCgroups(const CgroupPaths& cgroup, int target);

}  // namespace podrun
