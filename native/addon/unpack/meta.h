#pragma once

#include <span>
#include <string>

#include "addon/tar/pax.h"
#include "addon/unpack/tree.h"

namespace podrun {

/** A directory that no entry describes: 0755, owned by whoever unpacks (root). */
DirMeta ownDirectory();

/** Owner, mode, attributes and times of an open directory, in this order. */
void applyMeta(int dir, const DirMeta& meta);

/**
 * Sets extended attributes. `path` is "/proc/self/fd/<n>" where the inode can only be held by O_PATH; else
 * `fd` is used.
 *
 * Left out: trusted.overlay.* and user.overlay.*, which overlayfs would take for its own, and the labels of
 * SELinux and Smack, which are the host's to give. An attribute that the filesystem cannot hold (ENOTSUP;
 * user.* on anything but files and directories, xattr(7)) is passed over, as the other unpackers do, but for
 * file capabilities: a program without them would fail later and far from the reason.
 */
void setXattrs(int fd, const char* path, std::span<const Xattr> xattrs);

}  // namespace podrun
