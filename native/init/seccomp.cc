#include "init/seccomp.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

namespace podrun {

Result<SeccompProgram> readSeccomp(const std::string& path) {
  SeccompProgram program;
  if (path.empty()) return program;
  unique_fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return SysError::last("open", path);
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return SysError::last("fstat", path);
  constexpr size_t size = sizeof(sock_filter);
  if (!S_ISREG(info.st_mode) || info.st_size == 0 || info.st_size % size != 0 ||
      info.st_size > off_t{size * BPF_MAXINSNS}) {
    return SysError::refused("not a seccomp program", path);
  }
  program.bytes.resize(static_cast<size_t>(info.st_size));
  if (read(fd.get(), program.bytes.data(), program.bytes.size()) != info.st_size)
    return SysError::last("read", path);
  return program;
}

Status loadSeccomp(const SeccompProgram& program) {
  if (program.bytes.empty()) return Done{};
  sock_fprog filter{};
  filter.len = static_cast<unsigned short>(program.bytes.size() / sizeof(sock_filter));
  filter.filter = reinterpret_cast<sock_filter*>(const_cast<char*>(program.bytes.data()));
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0) return SysError::last("seccomp");
  return Done{};
}

}  // namespace podrun
