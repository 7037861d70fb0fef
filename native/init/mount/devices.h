#pragma once

#include "base/error.h"
#include "base/fd.h"

namespace podrun {

/** The standard nodes and links of /dev, in a new tmpfs that nobody else can reach yet. */
Status fillDev(int dev);

/**
 * The container's own /dev/null, for reading and writing, verified to be the character device 1:3
 * (CVE-2025-31133). Not the host's: root in the container could change that node's mode through a descriptor
 * or a mount of it.
 */
Result<unique_fd> openNullInRoot(int root);

}  // namespace podrun
