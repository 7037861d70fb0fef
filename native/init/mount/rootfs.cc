#include "init/mount/rootfs.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/mount/mount_api.h"

namespace podrun {
namespace {

// The writable layer dies with the container. Without "volatile" (Linux 5.10) the unmount flushes the whole
// filesystem that the upper directory is on, and so does every fsync(2) inside. "index" must be off for a
// directory that was an upper before (Documentation/filesystems/overlayfs.rst), whatever the host's module
// parameters say.
constexpr const char* kVolatile = "volatile";
constexpr const char* kIndex = "index=off";

/** One fsconfig call a layer: neither separators nor the page that mount(2) gives its options limit them
 * (Linux 6.8). */
Result<unique_fd> overlayByDescriptor(const Rootfs& rootfs) {
  std::vector<std::string> options;
  options.reserve(rootfs.lowerdirs.size() + 4);
  for (const std::string& lower : rootfs.lowerdirs) options.push_back("lowerdir+=" + lower);
  options.push_back("upperdir=" + rootfs.upperdir);
  options.push_back("workdir=" + rootfs.workdir);
  options.push_back(kIndex);
  options.push_back(kVolatile);
  return newFilesystem("overlay", "overlay", options, 0);
}

/**
 * mount(2), for older kernels. All its options must fit one page, where colons and commas mean something: so
 * it is given the short names of links, in a tmpfs that is mounted on `directory` for that and stays, unseen,
 * below the overlay.
 */
Result<unique_fd> overlayByOptions(const Rootfs& rootfs, const std::string& directory, int target) {
  Result<unique_fd> links =
      newFilesystem("tmpfs", "tmpfs", {"mode=700"}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  if (!links) return links;
  if (Status attached = attach(links->get(), target, directory); !attached)
    return std::move(attached.error());
  std::string options = std::string(kIndex) + "," + kVolatile + ",upperdir=u,workdir=w,lowerdir=";
  for (size_t i = 0; i < rootfs.lowerdirs.size(); i++) {
    const std::string name = std::to_string(i);
    if (symlinkat(rootfs.lowerdirs[i].c_str(), links->get(), name.c_str()) != 0)
      return SysError::last("symlinkat", name);
    options += (i == 0 ? "" : ":") + name;
  }
  if (symlinkat(rootfs.upperdir.c_str(), links->get(), "u") != 0) return SysError::last("symlinkat", "u");
  if (symlinkat(rootfs.workdir.c_str(), links->get(), "w") != 0) return SysError::last("symlinkat", "w");
  if (fchdir(links->get()) != 0) return SysError::last("fchdir", directory);
  const int mounted = mount("overlay", directory.c_str(), "overlay", 0, options.c_str());
  const SysError error = SysError::last("mount", "overlay");
  if (chdir("/") != 0) return SysError::last("chdir", "/");
  if (mounted != 0) return error;
  unique_fd root(open(directory.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!root) return SysError::last("open", directory);
  return root;
}

}  // namespace

Result<unique_fd> mountRootfs(const Rootfs& rootfs, const std::string& directory) {
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return SysError::last("mkdir", directory);
  unique_fd target(open(directory.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!target) return SysError::last("open", directory);
  Result<unique_fd> overlay = overlayByDescriptor(rootfs);
  if (overlay) {
    if (Status attached = attach(overlay->get(), target.get(), directory); !attached)
      return std::move(attached.error());
    return overlay;
  }
  // EINVAL also stands for a path longer than the 255 bytes that fsconfig(2) takes; mount(2) has a better
  // answer to all else.
  if (overlay.error().error != EINVAL) return overlay;
  return overlayByOptions(rootfs, directory, target.get());
}

Status pivotInto(int root) {
  if (fchdir(root) != 0) return SysError::last("fchdir", "/");
  // pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the new one, and needs no directory
  // in it.
  if (syscall(SYS_pivot_root, ".", ".") != 0) return SysError::last("pivot_root", "/");
  if (umount2(".", MNT_DETACH) != 0) return SysError::last("umount2", "/");
  if (chdir("/") != 0) return SysError::last("chdir", "/");
  return Done{};
}

}  // namespace podrun
