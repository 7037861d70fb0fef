#include "init/cgroup.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "base/fd.h"
#include "init/mount/mount_api.h"

namespace podrun {
namespace {

constexpr uint64_t kCgroupAttributes =
    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

/** Opens a cgroup file for writing and makes sure that it is one: its path comes from a request. */
Result<unique_fd> openControl(const std::string& path) {
  unique_fd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return SysError::last("open", path);
  struct statfs filesystem;
  if (fstatfs(fd.get(), &filesystem) != 0) return SysError::last("fstatfs", path);
  if (filesystem.f_type != CGROUP_SUPER_MAGIC && filesystem.f_type != CGROUP2_SUPER_MAGIC) {
    return SysError::refused("not a file of a cgroup", path);
  }
  return fd;
}

Status writeControl(const std::string& path, const char* text) {
  Result<unique_fd> fd = openControl(path);
  if (!fd) return std::move(fd.error());
  if (write(fd->get(), text, strlen(text)) < 0) return SysError::last("write", path);
  return Done{};
}

std::string parentOf(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

/** Mount point of the hierarchy that a cgroup directory is in, or "". */
std::string hierarchyOf(std::string directory) {
  while (!directory.empty()) {
    struct statx info;
    if (statx(AT_FDCWD, directory.c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE, &info) != 0) return "";
    if ((info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) return directory;
    directory = parentOf(directory);
  }
  return "";
}

Status attachCgroup(const std::string& directory, int target) {
  Result<unique_fd> tree = cloneTree(AT_FDCWD, directory, false);
  if (!tree) return std::move(tree.error());
  if (Status set = setMount(tree->get(), MountChange{kCgroupAttributes, 0, MS_PRIVATE}, false); !set)
    return set;
  return attach(tree->get(), target, directory);
}

Status attachBelow(const std::string& directory, int top, const std::string& name) {
  if (mkdirat(top, name.c_str(), 0755) != 0 && errno != EEXIST) return SysError::last("mkdirat", name);
  unique_fd target(openat(top, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!target) return SysError::last("openat", name);
  return attachCgroup(directory, target.get());
}

}  // namespace

Status joinCgroups(const CgroupPaths& cgroup) {
  for (const std::string& tasks : cgroup.tasks) {
    if (Status joined = writeControl(tasks, "0"); !joined) return joined;
  }
  return Done{};
}

uint64_t readOomKills(const CgroupPaths& cgroup) {
  if (cgroup.oomEvents.empty()) return 0;
  unique_fd fd(open(cgroup.oomEvents.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  char text[512];
  const ssize_t length = fd ? read(fd.get(), text, sizeof(text) - 1) : 0;
  if (length <= 0) return 0;
  text[length] = '\0';
  // memory.events and v1's memory.oom_control both have a line "oom_kill N"; the line before may end in
  // "oom_kill_disable N".
  for (const char* line = text; line != nullptr; line = strchr(line, '\n')) {
    if (*line == '\n') line++;
    if (strncmp(line, "oom_kill ", 9) == 0) return strtoull(line + 9, nullptr, 10);
  }
  return 0;
}

Status killCgroup(const CgroupPaths& cgroup) {
  return writeControl(cgroup.unified + "/cgroup.kill", "1");
}

Status mountCgroups(const CgroupPaths& cgroup, int target) {
  const std::string unifiedTop = hierarchyOf(cgroup.unified);
  if (unifiedTop == "/sys/fs/cgroup") return attachCgroup(cgroup.unified, target);
  Result<unique_fd> top = newFilesystem("tmpfs", "tmpfs", {"mode=755", "size=4k"},
                                        MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (!top) return std::move(top.error());
  if (Status attached = attach(top->get(), target, "cgroup"); !attached) return attached;
  for (const std::string& tasks : cgroup.tasks) {
    const std::string directory = parentOf(tasks);
    const std::string hierarchy = hierarchyOf(directory);
    const std::string name = hierarchy.substr(hierarchy.rfind('/') + 1);
    if (name.empty()) continue;
    if (Status attached = attachBelow(directory, top->get(), name); !attached) return attached;
  }
  if (Status attached = attachBelow(cgroup.unified, top->get(), "unified"); !attached) return attached;
  return setMount(top->get(), MountChange{MOUNT_ATTR_RDONLY, 0, 0}, false);
}

}  // namespace podrun
