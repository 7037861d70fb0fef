#include "init/mount/mounts.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <string_view>

#include "base/fd.h"
#include "base/rooted.h"
#include "init/mount/devices.h"
#include "init/mount/mount_api.h"

namespace podrun {
namespace {

struct Flag {
  std::string_view option;
  uint64_t set;
  uint64_t clear;
};
constexpr Flag kFlags[] = {
    {"defaults", 0, 0},
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    // The three ways of atime are one field, which mount_setattr(2) wants cleared as a whole before it is
    // set.
    {"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
};

struct PropagationOption {
  std::string_view option;
  uint64_t propagation;
};
constexpr PropagationOption kPropagations[] = {
    {"private", MS_PRIVATE}, {"slave", MS_SLAVE}, {"shared", MS_SHARED}};

struct Options {
  MountChange change;
  bool recursiveBind = false;
  bool recursiveReadonly = false;
  bool recursivePropagation = false;
  std::vector<std::string> data;  // for the filesystem itself
};

bool readPropagation(std::string_view option, Options& out) {
  const bool recursive = option.starts_with('r');
  for (const PropagationOption& known : kPropagations) {
    if (option != known.option && !(recursive && option.substr(1) == known.option)) continue;
    out.change.propagation = known.propagation;
    out.recursivePropagation = recursive;
    return true;
  }
  return false;
}

void readOption(const std::string& option, Options& out) {
  for (const Flag& flag : kFlags) {
    if (option != flag.option) continue;
    out.change.set = (out.change.set & ~flag.clear) | flag.set;
    out.change.clear = (out.change.clear & ~flag.set) | flag.clear;
    return;
  }
  if (readPropagation(option, out) || option == "bind") return;
  if (option == "rbind") {
    out.recursiveBind = true;
  } else if (option == "rro") {
    out.recursiveReadonly = true;
  } else {
    out.data.push_back(option);
  }
}

/** Links of the image must not lead a mount onto a kernel interface; a path that itself says /proc or /sys
 * may be meant. */
Status checkTarget(int target, const std::string& destination) {
  struct statfs filesystem;
  if (fstatfs(target, &filesystem) != 0) return SysError::last("fstatfs", destination);
  const bool kernel = filesystem.f_type == PROC_SUPER_MAGIC || filesystem.f_type == SYSFS_MAGIC;
  if (!kernel || destination.starts_with("/sys/")) return Done{};
  return SysError::refused("the mount would end up on procfs or sysfs", destination);
}

/** /proc, /sys and /dev of the image itself: made when missing, and never anything but plain directories. */
Result<unique_fd> openKernelDirectory(int root, const std::string& destination) {
  const std::string name = destination.substr(1);
  if (mkdirat(root, name.c_str(), 0755) != 0 && errno != EEXIST)
    return SysError::last("mkdirat", destination);
  Result<unique_fd> target = openInRoot(root, destination, O_PATH | O_NOFOLLOW, kNoLinks);
  if (!target) return target;
  struct stat info;
  if (fstat(target->get(), &info) != 0) return SysError::last("fstat", destination);
  if (S_ISDIR(info.st_mode)) return target;
  SysError error{ENOTDIR, "openat2", destination, {}, "the image has something else than a directory there"};
  return error;
}

Result<unique_fd> openTarget(int root, const std::string& destination, NodeKind kind) {
  if (destination == "/proc" || destination == "/sys" || destination == "/dev") {
    return openKernelDirectory(root, destination);
  }
  Result<unique_fd> target = ensureInRoot(root, destination, kind);
  if (!target) return target;
  if (Status checked = checkTarget(target->get(), destination); !checked) return std::move(checked.error());
  return target;
}

Status bindMount(int root, const oci::Mount& mount, const Options& options) {
  if (!options.data.empty())
    return SysError::refused("unknown mount option: " + options.data.front(), mount.destination);
  if (!mount.source.starts_with('/'))
    return SysError::refused("the source is not an absolute path", mount.source);
  Result<unique_fd> tree = cloneTree(AT_FDCWD, mount.source, options.recursiveBind);
  if (!tree) return std::move(tree.error());
  struct stat info;
  if (fstat(tree->get(), &info) != 0) return SysError::last("fstat", mount.source);
  const NodeKind kind = S_ISDIR(info.st_mode) ? NodeKind::directory : NodeKind::file;
  MountChange change = options.change;
  change.propagation = 0;
  if (change.set != 0 || change.clear != 0) {
    if (Status set = setMount(tree->get(), change, false); !set) return set;
  }
  const uint64_t propagation =
      options.change.propagation != 0 ? options.change.propagation : uint64_t{MS_PRIVATE};
  if (Status set = setMount(tree->get(), MountChange{0, 0, propagation}, true); !set) return set;
  if (options.recursiveReadonly) {
    if (Status set = setMount(tree->get(), MountChange{MOUNT_ATTR_RDONLY, 0, 0}, true); !set) return set;
  }
  Result<unique_fd> target = openTarget(root, mount.destination, kind);
  if (!target) return std::move(target.error());
  return attach(tree->get(), target->get(), mount.destination);
}

Status filesystemMount(int root, const oci::Mount& mount, const Options& options) {
  Result<unique_fd> target = openTarget(root, mount.destination, NodeKind::directory);
  if (!target) return std::move(target.error());
  Result<unique_fd> filesystem =
      newFilesystem(mount.type.c_str(), mount.source, options.data, options.change.set);
  if (!filesystem) return std::move(filesystem.error());
  if (options.change.propagation != 0 && options.change.propagation != MS_PRIVATE) {
    return SysError::refused("a new filesystem has nobody to share its mounts with", mount.destination);
  }
  if (mount.destination == "/dev" && mount.type == "tmpfs") {
    if (Status filled = fillDev(filesystem->get()); !filled) return filled;
  }
  return attach(filesystem->get(), target->get(), mount.destination);
}

Status mountOne(int root, const oci::Mount& mount, const CgroupPaths& cgroup) {
  Options options;
  for (const std::string& option : mount.options) readOption(option, options);
  if (mount.type == "bind") return bindMount(root, mount, options);
  if (mount.type == "cgroup") {
    if ((options.change.set & MOUNT_ATTR_RDONLY) == 0) {
      return SysError::refused("a writable cgroup mount is not supported", mount.destination);
    }
    Result<unique_fd> target = openTarget(root, mount.destination, NodeKind::directory);
    if (!target) return std::move(target.error());
    return mountCgroups(cgroup, target->get());
  }
  for (const char* known : {"proc", "sysfs", "tmpfs", "devpts", "mqueue"}) {
    if (mount.type == known) return filesystemMount(root, mount, options);
  }
  return SysError::refused("unknown filesystem type: " + mount.type, mount.destination);
}

}  // namespace

Status mountAll(int root, const std::vector<oci::Mount>& mounts, const CgroupPaths& cgroup) {
  for (const oci::Mount& mount : mounts) {
    if (Status mounted = mountOne(root, mount, cgroup); !mounted) {
      mounted.error().step = "mount " + mount.destination;
      return mounted;
    }
  }
  return Done{};
}

Status makeReadonly(int root, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    Result<unique_fd> target = openInRoot(root, path, O_PATH, kNoLinks);
    if (!target && target.error().error == ENOENT) continue;
    if (!target) return std::move(target.error());
    Result<unique_fd> tree = cloneTree(target->get(), "", true);
    if (!tree) return std::move(tree.error());
    if (Status set = setMount(tree->get(), MountChange{MOUNT_ATTR_RDONLY, 0, 0}, true); !set) return set;
    if (Status attached = attach(tree->get(), target->get(), path); !attached) return attached;
  }
  return Done{};
}

Status maskPaths(int root, const std::vector<std::string>& paths, int null) {
  unique_fd empty;
  for (const std::string& path : paths) {
    Result<unique_fd> target = openInRoot(root, path, O_PATH, kNoLinks);
    if (!target && target.error().error == ENOENT) continue;
    if (!target) return std::move(target.error());
    struct stat info;
    if (fstat(target->get(), &info) != 0) return SysError::last("fstat", path);
    if (!S_ISDIR(info.st_mode)) {
      Result<unique_fd> cover = cloneTree(null, "", false);
      if (!cover) return std::move(cover.error());
      if (Status attached = attach(cover->get(), target->get(), path); !attached) return attached;
      continue;
    }
    // Only an attached mount can be copied by open_tree(2) before Linux 6.15: the first directory gets the
    // original.
    Result<unique_fd> cover =
        empty ? cloneTree(empty.get(), "", false)
              : newFilesystem("tmpfs", "tmpfs", {"size=4k", "nr_inodes=1", "mode=555"},
                              MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    if (!cover) return std::move(cover.error());
    if (Status attached = attach(cover->get(), target->get(), path); !attached) return attached;
    if (!empty) empty = std::move(*cover);
  }
  return Done{};
}

}  // namespace podrun
