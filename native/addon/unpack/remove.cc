#include "addon/unpack/remove.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <vector>

#include "addon/layer_error.h"
#include "addon/unpack/path.h"
#include "base/fd.h"

namespace podrun {
namespace {

/** A container can make a tree of any depth; more descriptors than this are not spent on it. */
constexpr size_t depthMax = 48;

struct CloseDir {
  void operator()(DIR* dir) const { closedir(dir); }
};

int openPlainDirectory(int dir, const char* name) {
  struct open_how how = {};
  how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  // A mount left beneath (EXDEV) belongs to somebody: its content must not go with the tree.
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  int fd = static_cast<int>(syscall(SYS_openat2, dir, name, &how, sizeof how));
  if (fd >= 0 || errno != EACCES) return fd;
  // Not root: a directory that is ours may still be closed to us.
  unique_fd held(openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!held) return -1;
  std::string path = "/proc/self/fd/" + std::to_string(held.get());
  if (chmod(path.c_str(), 0700) < 0) return -1;
  return static_cast<int>(syscall(SYS_openat2, dir, name, &how, sizeof how));
}

class TreeRemover {
 public:
  explicit TreeRemover(int parent) : parent_(parent) {}

  void remove(const std::string& name) {
    if (unlinkat(parent_, name.c_str(), 0) == 0 || errno == ENOENT) return;
    if (errno != EISDIR) failCall("unlinkat", name);
    if (!enter(name)) return;
    while (!frames_.empty()) {
      if (dirent* entry = nextEntry()) {
        removeEntry(*entry);
      } else {
        leave();
      }
    }
  }

 private:
  struct Frame {
    std::unique_ptr<DIR, CloseDir> dir;
    std::string name;
    /** Something went since the listing began: what is left may be new to it (see flatten). */
    bool progress = false;
  };

  int top() const { return frames_.empty() ? parent_ : dirfd(frames_.back().dir.get()); }

  bool enter(const std::string& name) {
    int fd = openPlainDirectory(top(), name.c_str());
    if (fd < 0 && errno == ENOENT) return false;
    if (fd < 0) failCall("openat2", pathOf(name));
    DIR* dir = fdopendir(fd);
    if (!dir) {
      close(fd);
      failCall("fdopendir", pathOf(name));
    }
    frames_.push_back({std::unique_ptr<DIR, CloseDir>(dir), name});
    return true;
  }

  dirent* nextEntry() {
    while (true) {
      errno = 0;
      dirent* entry = readdir(frames_.back().dir.get());
      if (!entry && errno != 0) failCall("getdents64", pathOf(""));
      if (!entry) return nullptr;
      std::string_view name = entry->d_name;
      if (name != "." && name != "..") return entry;
    }
  }

  void removeEntry(const dirent& entry) {
    frames_.back().progress = true;
    if (entry.d_type != DT_DIR) {
      if (unlinkat(top(), entry.d_name, 0) == 0 || errno == ENOENT) return;
      if (errno != EISDIR) failCall("unlinkat", pathOf(entry.d_name));
    }
    if (frames_.size() < depthMax) {
      enter(entry.d_name);
    } else {
      flatten(entry.d_name);
    }
  }

  /** Moves a directory that is too deep up to the first level, whose listing is begun anew before it is left.
   */
  void flatten(const std::string& name) {
    int first = dirfd(frames_.front().dir.get());
    while (true) {
      std::string moved = ".removed-" + std::to_string(moved_++);
      if (renameat2(top(), name.c_str(), first, moved.c_str(), RENAME_NOREPLACE) == 0) break;
      if (errno == ENOENT) return;
      if (errno != EEXIST) failCall("renameat2", pathOf(name));
    }
    frames_.front().progress = true;
  }

  void leave() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (unlinkat(top(), frame.name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return;
    if ((errno != ENOTEMPTY && errno != EEXIST) || !frame.progress) failCall("unlinkat", pathOf(frame.name));
    rewinddir(frame.dir.get());
    frame.progress = false;
    frames_.push_back(std::move(frame));
  }

  std::string pathOf(const std::string& last) const {
    std::string path;
    for (const Frame& frame : frames_) path += frame.name + "/";
    return path + last;
  }

  int parent_;
  std::vector<Frame> frames_;
  unsigned moved_ = 0;
};

}  // namespace

void removeBeneath(int dir, const std::string& name) {
  TreeRemover(dir).remove(name);
}

void removeTree(const std::string& path) {
  SplitPath split = splitPath(path);
  if (split.base.empty() || split.base == "..") throw LayerError{{}, {}, {}, {EINVAL, "unlinkat", path, {}}};
  std::string parent(split.parent);
  if (parent.empty()) parent = path.starts_with('/') ? "/" : ".";
  unique_fd dir(open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!dir && errno == ENOENT) return;
  if (!dir) failCall("open", parent);
  removeBeneath(dir.get(), std::string(split.base));
}

void syncFilesystem(const std::string& path) {
  unique_fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) failCall("open", path);
  if (syncfs(fd.get()) < 0) failCall("syncfs", path);
}

}  // namespace podrun
