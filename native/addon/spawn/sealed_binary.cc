#include "addon/spawn/sealed_binary.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include <cstring>
#include <mutex>

#include "addon/napi/failure.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U  // Linux 6.3
#endif

namespace podrun {
namespace {

constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;

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
  if (fcntl(memory.get(), F_ADD_SEALS, kSeals) != 0) {
    raise("fcntl", path, "seal memfd");
  }
  return memory;
}

/** A whole file in memory, read-only, for as long as this lives. */
class Mapped {
 public:
  Mapped(int fd, off_t size) : size_(static_cast<size_t>(size)) {
    data_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
  }
  ~Mapped() {
    if (data_ != MAP_FAILED) munmap(data_, size_);
  }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;
  bool equals(const Mapped& other) const {
    return data_ != MAP_FAILED && other.data_ != MAP_FAILED && size_ == other.size_ &&
           memcmp(data_, other.data_, size_) == 0;
  }

 private:
  size_t size_;
  void* data_;
};

/**
 * The memfd that another process's sandbox runs from, if it is sealed and of the same content: then all
 * sandboxes of the machine share their text, whoever started them. Whatever else `pid` may be by now fails
 * the comparison.
 */
unique_fd sealedByPeer(pid_t pid, int source, off_t size) {
  const std::string path = "/proc/" + std::to_string(pid) + "/exe";
  // Not for anything that blocks or has side effects when opened.
  struct stat file;
  if (stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode) || file.st_size != size) return {};
  unique_fd memory(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!memory || fcntl(memory.get(), F_GET_SEALS) != kSeals) return {};
  return Mapped(memory.get(), size).equals(Mapped(source, size)) ? std::move(memory) : unique_fd();
}

// Of the process, not of an environment: a descriptor is no JavaScript state, and Workers can share it.
std::mutex cacheMutex;
std::string cachedPath;
Identity cachedIdentity;
unique_fd cached;

}  // namespace

unique_fd sealedBinary(const std::string& path, const std::vector<pid_t>& peers) {
  struct stat file;
  const std::lock_guard lock(cacheMutex);
  if (stat(path.c_str(), &file) != 0) raise("stat", path);
  if (!cached || cachedPath != path || identify(file) != cachedIdentity) {
    const unique_fd source(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!source || fstat(source.get(), &file) != 0) raise("open", path);
    if (!S_ISREG(file.st_mode)) throw SysError{EACCES, "open", path, "not a regular file"};
    cached.reset();
    for (size_t i = 0; !cached && i < peers.size(); ++i) {
      cached = sealedByPeer(peers[i], source.get(), file.st_size);
    }
    if (!cached) cached = copySealed(source.get(), path, file.st_size);
    cachedPath = path;
    cachedIdentity = identify(file);
  }
  unique_fd copy(fcntl(cached.get(), F_DUPFD_CLOEXEC, 5));
  if (!copy) raise("fcntl", path, "duplicate memfd");
  return copy;
}

}  // namespace podrun
