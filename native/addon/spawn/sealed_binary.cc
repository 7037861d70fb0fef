#include "addon/spawn/sealed_binary.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include <mutex>

#include "addon/napi/failure.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U  // Linux 6.3
#endif

namespace podrun {
namespace {

/** Says whether a file is still the one that was copied. */
struct Identity {
  dev_t device;
  ino_t inode;
  off_t size;
  int64_t modifiedNs;
  bool operator==(const Identity&) const = default;
};

Identity identify(const struct stat& file) {
  return {file.st_dev, file.st_ino, file.st_size,
          file.st_mtim.tv_sec * 1'000'000'000LL + file.st_mtim.tv_nsec};
}

unique_fd makeMemfd() {
  int fd = memfd_create("podrun-sandbox", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  // Before 6.3 every memfd is executable and the flag unknown.
  if (fd < 0 && errno == EINVAL) fd = memfd_create("podrun-sandbox", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) raise("memfd_create");
  return unique_fd(fd);
}

unique_fd copySealed(int source, const std::string& path, off_t size) {
  unique_fd memory = makeMemfd();
  for (off_t copied = 0; copied < size;) {
    const ssize_t n = sendfile(memory.get(), source, nullptr, static_cast<size_t>(size - copied));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) raise("sendfile", path);
    if (n == 0) throw SysError{EIO, "sendfile", path, "file is shorter than it said"};
    copied += n;
  }
  if (fcntl(memory.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
    raise("fcntl", path, "seal memfd");
  }
  return memory;
}

// Of the process, not of an environment: a descriptor is no JavaScript state, and Workers can share it.
std::mutex cacheMutex;
std::string cachedPath;
Identity cachedIdentity;
unique_fd cached;

}  // namespace

unique_fd sealedBinary(const std::string& path) {
  struct stat file;
  const std::lock_guard lock(cacheMutex);
  if (stat(path.c_str(), &file) != 0) raise("stat", path);
  if (!cached || cachedPath != path || identify(file) != cachedIdentity) {
    const unique_fd source(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!source || fstat(source.get(), &file) != 0) raise("open", path);
    if (!S_ISREG(file.st_mode)) throw SysError{EACCES, "open", path, "not a regular file"};
    cached = copySealed(source.get(), path, file.st_size);
    cachedPath = path;
    cachedIdentity = identify(file);
  }
  unique_fd copy(fcntl(cached.get(), F_DUPFD_CLOEXEC, 5));
  if (!copy) raise("fcntl", path, "duplicate memfd");
  return copy;
}

}  // namespace podrun
