#pragma once

#include <fcntl.h>
#include <linux/openat2.h>

#include <string>

#include "base/error.h"
#include "base/fd.h"

namespace podrun {

/** Symbolic links, absolute ones included, stay inside the root; /proc's magic links are never followed. */
constexpr uint64_t kInRoot = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
/** Not even ordinary links. */
constexpr uint64_t kNoLinks = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;

/**
 * openat2(2) below the directory `root`, whose content may belong to somebody hostile: this, and never a
 * string joined to a path of ours, is how anything inside an image or a volume is reached (CVE-2021-30465 and
 * its many relatives).
 */
Result<unique_fd> openInRoot(int root, const std::string& path, int flags, uint64_t resolve = kInRoot);

enum class NodeKind { directory, file };

/**
 * Opens `path` below `root` with O_PATH, making what is missing: directories with mode 0755, and as the last
 * part a directory or an empty regular file (0644). Links are followed inside the root, dangling ones too, as
 * images have them in /etc.
 */
Result<unique_fd> ensureInRoot(int root, const std::string& path, NodeKind kind);

}  // namespace podrun
