#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace podrun {

struct Rootfs {
  std::vector<std::string> lowerdirs;  // topmost first
  std::string upperdir;
  std::string workdir;
};

/**
 * Mounts the overlay on `directory`, in the calling process's mount namespace, and returns the mount as the
 * root for all further resolution.
 */
Result<unique_fd> mountRootfs(const Rootfs& rootfs, const std::string& directory);

/** Makes `root` the root of the mount namespace and drops everything else from it. */
Status pivotInto(int root);

}  // namespace podrun
