#include "addon/unpack/meta.h"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "addon/layer_error.h"

namespace podrun {
namespace {

constexpr std::string_view capability = "security.capability";

bool leftOut(std::string_view name) {
  return name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.") ||
         name == "security.selinux" || name.starts_with("security.SMACK64");
}

bool mayFail(std::string_view name, int error) {
  if (error == ENOTSUP) return name != capability;
  return error == EPERM && name.starts_with("user.");
}

}  // namespace

DirMeta ownDirectory() {
  DirMeta meta;
  meta.uid = geteuid();
  meta.gid = getegid();
  return meta;
}

void setXattrs(int fd, const char* path, std::span<const Xattr> xattrs) {
  for (const Xattr& xattr : xattrs) {
    if (leftOut(xattr.name)) continue;
    const void* value = xattr.value.data();
    int result = path ? setxattr(path, xattr.name.c_str(), value, xattr.value.size(), 0)
                      : fsetxattr(fd, xattr.name.c_str(), value, xattr.value.size(), 0);
    if (result < 0 && !mayFail(xattr.name, errno)) failCall("setxattr", xattr.name);
  }
}

void applyMeta(int dir, const DirMeta& meta) {
  if (fchown(dir, meta.uid, meta.gid) < 0) failCall("fchown");
  if (fchmod(dir, meta.mode) < 0) failCall("fchmod");
  setXattrs(dir, nullptr, meta.xattrs);
  if (!meta.hasTime) return;
  const timespec times[2] = {meta.mtime, meta.mtime};
  if (futimens(dir, times) < 0) failCall("futimens");
}

}  // namespace podrun
