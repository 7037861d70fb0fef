#pragma once

#include "base/error.h"
#include "base/fd.h"
#include "base/oci.h"

namespace podrun {

struct Terminal {
  unique_fd master;
  unique_fd slave;
};

/**
 * A new pseudo terminal of the container's own devpts below `root`. Neither end is ever looked up by a name
 * that a container could have replaced: ptmx is verified by filesystem and device number, the other end comes
 * from the master (CVE-2025-52565).
 */
Result<Terminal> openTerminal(int root, const oci::Process& process);

/** Makes the terminal the controlling one of this session, and fds 0 to 2. */
Status useTerminal(const Terminal& terminal);

}  // namespace podrun
