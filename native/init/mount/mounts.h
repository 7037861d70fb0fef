#pragma once

#include <vector>

#include "base/error.h"
#include "base/oci.h"
#include "init/cgroup.h"

namespace podrun {

/**
 * Makes the mounts of a config below `root`, in their order. Sources of binds are host paths; every target is
 * resolved inside the root and, where it is missing, made. An image whose /proc, /sys or /dev is anything but
 * a directory is refused, and so is a target that links lead onto procfs or sysfs (CVE-2019-19921,
 * CVE-2023-27561, CVE-2026-41579).
 */
Status mountAll(int root, const std::vector<oci::Mount>& mounts, const CgroupPaths& cgroup);

/** /proc/sys and the like: covered by a read-only copy of themselves; what is not there is passed over. */
Status makeReadonly(int root, const std::vector<std::string>& paths);

/**
 * Hides files under /dev/null and directories under one empty read-only tmpfs, shared because a superblock
 * each takes long to reap (hundreds of per-processor directories on large machines). `null` is the verified
 * device (CVE-2025-31133).
 */
Status maskPaths(int root, const std::vector<std::string>& paths, int null);

}  // namespace podrun
