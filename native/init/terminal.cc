#include "init/terminal.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/rooted.h"

namespace podrun {
namespace {

constexpr const char* kPtmx = "dev/pts/ptmx";

Status checkPtmx(int fd) {
  struct statfs filesystem;
  struct stat info;
  if (fstatfs(fd, &filesystem) != 0) return SysError::last("fstatfs", kPtmx);
  if (fstat(fd, &info) != 0) return SysError::last("fstat", kPtmx);
  if (filesystem.f_type == DEVPTS_SUPER_MAGIC && S_ISCHR(info.st_mode) && info.st_rdev == makedev(5, 2))
    return Done{};
  return SysError::refused("not the terminal multiplexer of a devpts", "/dev/pts/ptmx");
}

}  // namespace

Result<Terminal> openTerminal(int root, const oci::Process& process) {
  Result<unique_fd> node = openInRoot(root, kPtmx, O_PATH | O_NOFOLLOW, kNoLinks);
  if (!node) return std::move(node.error());
  if (Status checked = checkPtmx(node->get()); !checked) return std::move(checked.error());
  Result<unique_fd> master = openInRoot(root, kPtmx, O_RDWR | O_NOCTTY | O_NOFOLLOW, kNoLinks);
  if (!master) return std::move(master.error());
  if (Status checked = checkPtmx(master->get()); !checked) return std::move(checked.error());
  int unlock = 0;
  if (ioctl(master->get(), TIOCSPTLCK, &unlock) != 0) return SysError::last("ioctl(TIOCSPTLCK)");
  unique_fd slave(ioctl(master->get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave) return SysError::last("ioctl(TIOCGPTPEER)");
  if (fchown(slave.get(), process.user.uid, static_cast<gid_t>(-1)) != 0)
    return SysError::last("fchown", "/dev/pts");
  if (process.consoleWidth != 0 && process.consoleHeight != 0) {
    const winsize size{process.consoleHeight, process.consoleWidth, 0, 0};
    if (ioctl(master->get(), TIOCSWINSZ, &size) != 0) return SysError::last("ioctl(TIOCSWINSZ)");
  }
  return Terminal{std::move(*master), std::move(slave)};
}

Status useTerminal(const Terminal& terminal) {
  if (ioctl(terminal.slave.get(), TIOCSCTTY, 0) != 0) return SysError::last("ioctl(TIOCSCTTY)");
  for (int fd = 0; fd < 3; fd++) {
    if (dup2(terminal.slave.get(), fd) < 0) return SysError::last("dup2");
  }
  return Done{};
}

}  // namespace podrun
