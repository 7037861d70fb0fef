#include "init/mount/devices.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/rooted.h"

namespace podrun {
namespace {

struct Node {
  const char* name;
  unsigned major;
  unsigned minor;
};
// Documentation/admin-guide/devices.txt
constexpr Node kNodes[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
                           {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

struct Link {
  const char* name;
  const char* target;
};
constexpr Link kLinks[] = {{"ptmx", "pts/ptmx"},
                           {"fd", "/proc/self/fd"},
                           {"stdin", "/proc/self/fd/0"},
                           {"stdout", "/proc/self/fd/1"},
                           {"stderr", "/proc/self/fd/2"}};

Status checkNull(int fd) {
  struct stat info;
  if (fstat(fd, &info) != 0) return SysError::last("fstat", "/dev/null");
  if (S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3)) return Done{};
  return SysError::refused("not the null device", "/dev/null");
}

}  // namespace

Status fillDev(int dev) {
  for (const Node& node : kNodes) {
    if (mknodat(dev, node.name, S_IFCHR | 0666, makedev(node.major, node.minor)) != 0) {
      return SysError::last("mknodat", std::string("/dev/") + node.name);
    }
  }
  for (const Link& link : kLinks) {
    if (symlinkat(link.target, dev, link.name) != 0)
      return SysError::last("symlinkat", std::string("/dev/") + link.name);
  }
  return Done{};
}

Result<unique_fd> openNullInRoot(int root) {
  // Looked at before it is opened for use: opening some other device may have effects of its own.
  Result<unique_fd> node = openInRoot(root, "dev/null", O_PATH | O_NOFOLLOW, kNoLinks);
  if (!node) return node;
  if (Status checked = checkNull(node->get()); !checked) return std::move(checked.error());
  Result<unique_fd> fd = openInRoot(root, "dev/null", O_RDWR | O_NOFOLLOW | O_NOCTTY, kNoLinks);
  if (!fd) return fd;
  if (Status checked = checkNull(fd->get()); !checked) return std::move(checked.error());
  return fd;
}

}  // namespace podrun
