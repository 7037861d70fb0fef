#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"

namespace podrun {

/**
 * A descriptor (FD_CLOEXEC, at least 5) of a sealed memfd with the content of `path`. Copied once per
 * process, and again only when the file has changed; or taken from one of `peers`, sandboxes that others
 * started. Sealed, so that a container that reaches /proc/<pid>/exe of the sandbox can't overwrite what the
 * next Pod runs (CVE-2019-5736).
 */
unique_fd sealedBinary(const std::string& path, const std::vector<pid_t>& peers);

}  // namespace podrun
