#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "addon/families.h"
#include "addon/napi/args.h"
#include "addon/napi/owned_fd.h"
#include "addon/napi/worker.h"

namespace podrun {
namespace {

unique_fd openLockFile(const std::string& path) {
  unique_fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) raise("open", path);
  return fd;
}

/** Whether `path` still names the file that is locked: it may have been removed while we waited for it. */
bool stillNamed(const unique_fd& fd, const std::string& path) {
  struct stat held, named;
  if (fstat(fd.get(), &held) != 0) raise("fstat", path);
  if (stat(path.c_str(), &named) != 0) {
    if (errno == ENOENT) return false;
    raise("stat", path);
  }
  return held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

/** The locked file, or no descriptor when somebody else holds it and `operation` has LOCK_NB. */
unique_fd lockFile(const std::string& path, int operation) {
  for (;;) {
    unique_fd fd = openLockFile(path);
    while (flock(fd.get(), operation) != 0) {
      if (errno == EWOULDBLOCK) return unique_fd();
      if (errno != EINTR) raise("flock", path);
    }
    if (stillNamed(fd, path)) return fd;
  }
}

Napi::Value lock(const Napi::CallbackInfo& info) {
  const std::string path = argument(info, 0, "path").string();
  const Argument options = argument(info, 1, "options");
  const int operation = options["shared"].booleanOr(false) ? LOCK_SH : LOCK_EX;
  if (!options["wait"].boolean()) {
    unique_fd fd = lockFile(path, operation | LOCK_NB);
    if (!fd) return info.Env().Null();
    return OwnedFd::create(info.Env(), std::move(fd));
  }
  return runOnThread(
      info.Env(), [path, operation] { return lockFile(path, operation); },
      [](Napi::Env env, unique_fd fd) -> Napi::Value { return OwnedFd::create(env, std::move(fd)); });
}

}  // namespace

void registerLock(Napi::Env, Napi::Object exports) {
  exportFunction<lock>(exports, "lock");
}

}  // namespace podrun
