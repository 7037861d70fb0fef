#include "base/rooted.h"

#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <string_view>

namespace podrun {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel's own limit (path_resolution(7))

struct Missing {
  unique_fd parent;
  std::string parentPath;
  std::string name;
  std::string rest;
};

/** Walks `path` part by part to the first that is not there. A null parent means that all of it is. */
Result<Missing> findMissing(int root, const std::string& path) {
  Result<unique_fd> parent = openInRoot(root, ".", O_PATH | O_DIRECTORY);
  if (!parent) return std::move(parent.error());
  std::string parentPath;
  size_t start = 0;
  while (start < path.size()) {
    const size_t slash = std::min(path.find('/', start), path.size());
    const std::string name = path.substr(start, slash - start);
    start = slash + 1;
    if (name.empty() || name == ".") continue;
    std::string next = parentPath + "/" + name;
    const bool last = path.find_first_not_of('/', slash) == std::string::npos;
    Result<unique_fd> opened = openInRoot(root, next, O_PATH | (last ? 0 : O_DIRECTORY));
    if (opened) {
      parent = std::move(opened);
      parentPath = std::move(next);
      continue;
    }
    if (opened.error().error != ENOENT || name == "..") return std::move(opened.error());
    return Missing{std::move(*parent), std::move(parentPath), name,
                   start < path.size() ? path.substr(start) : ""};
  }
  return Missing{};
}

/** Makes one node with a plain name in an open directory; EEXIST is no error. Neither call follows a link. */
int makeNode(int parent, const std::string& name, NodeKind kind) {
  const int made = kind == NodeKind::directory ? mkdirat(parent, name.c_str(), 0755)
                                               : mknodat(parent, name.c_str(), S_IFREG | 0644, 0);
  return made == 0 || errno == EEXIST ? 0 : -1;
}

}  // namespace

Result<unique_fd> openInRoot(int root, const std::string& path, int flags, uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
  how.resolve = resolve;
  // openat2(2): EAGAIN when a ".." met a rename somewhere on the machine; a retry is all that is needed.
  for (int attempt = 0;; attempt++) {
    const long fd = syscall(SYS_openat2, root, path.c_str(), &how, sizeof(how));
    if (fd >= 0) return unique_fd(static_cast<int>(fd));
    if ((errno != EAGAIN && errno != EINTR) || attempt == 1000) return SysError::last("openat2", path);
  }
}

Result<unique_fd> ensureInRoot(int root, const std::string& path, NodeKind kind) {
  std::string wanted = path;
  for (int links = 0; links < kMaxLinks;) {
    Result<Missing> missing = findMissing(root, wanted);
    if (!missing) return std::move(missing.error());
    if (!missing->parent) {
      return openInRoot(root, wanted, O_PATH | (kind == NodeKind::directory ? O_DIRECTORY : 0));
    }
    char target[PATH_MAX];
    const ssize_t length = readlinkat(missing->parent.get(), missing->name.c_str(), target, sizeof(target));
    if (length > 0) {
      // A dangling link: go on with where it points, which the kernel resolves again from the start, inside
      // the root.
      const std::string_view link(target, static_cast<size_t>(length));
      std::string base = link.starts_with('/') ? "" : missing->parentPath + "/";
      wanted = base.append(link).append("/").append(missing->rest);
      while (wanted.size() > 1 && wanted.ends_with('/')) wanted.pop_back();
      if (wanted.size() >= PATH_MAX) return SysError{ENAMETOOLONG, "openat2", path, {}, {}};
      links++;
      continue;
    }
    const NodeKind made = missing->rest.empty() ? kind : NodeKind::directory;
    if (makeNode(missing->parent.get(), missing->name, made) != 0) {
      return SysError::last(made == NodeKind::directory ? "mkdirat" : "mknodat", path);
    }
  }
  return SysError{ELOOP, "openat2", path, {}, {}};
}

}  // namespace podrun
