#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace podrun {

/**
 * The mount API by descriptor (Linux 5.2, mount_setattr 5.12). A mount is made detached, given its attributes
 * while nobody can reach it, and then attached to a target that was opened once and is never resolved again.
 */

struct MountChange {
  uint64_t set = 0;          // MOUNT_ATTR_*
  uint64_t clear = 0;        // MOUNT_ATTR_*
  uint64_t propagation = 0;  // MS_PRIVATE, MS_SLAVE, MS_SHARED, or 0 to leave it
};

/** A detached new filesystem; options as "key=value" or "flag". */
Result<unique_fd> newFilesystem(const char* type, const std::string& source,
                                const std::vector<std::string>& options, uint64_t attributes);

/** A detached copy of the mount at `path` (with AT_EMPTY_PATH when that is ""): what a bind mount is. */
Result<unique_fd> cloneTree(int directory, const std::string& path, bool recursive);

Status setMount(int mount, const MountChange& change, bool recursive);

/** Attaches a detached mount to the open directory or file `target`; `name` is for the error. */
Status attach(int mount, int target, const std::string& name);

}  // namespace podrun
