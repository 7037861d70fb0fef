#include "sandbox/record.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "base/fd.h"

namespace podrun {

Status writeExitRecord(const std::string& bundle, std::string_view json) {
  unique_fd directory(open(bundle.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return SysError::last("open", bundle);
  const char* temporary = ".exit.json.tmp";
  unique_fd file(
      openat(directory.get(), temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return SysError::last("openat", temporary);
  if (write(file.get(), json.data(), json.size()) != static_cast<ssize_t>(json.size()))
    return SysError::last("write", temporary);
  if (fsync(file.get()) != 0) return SysError::last("fsync", temporary);
  if (renameat(directory.get(), temporary, directory.get(), "exit.json") != 0)
    return SysError::last("renameat", "exit.json");
  if (fsync(directory.get()) != 0) return SysError::last("fsync", bundle);
  return Done{};
}

}  // namespace podrun
