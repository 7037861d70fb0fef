#include "addon/unpack/tree.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "addon/layer_error.h"
#include "addon/unpack/meta.h"
#include "addon/unpack/path.h"
#include "addon/unpack/remove.h"

namespace podrun {
namespace {

constexpr size_t cachedDirs = 64;
/** As the kernel: path_resolution(7). */
constexpr int linksMax = 40;
/** Directories and pending links are held in memory until the end. */
constexpr size_t memoryMax = 24 << 20;

int openDirectory(int dir, const char* name) {
  struct open_how how = {};
  how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  return static_cast<int>(syscall(SYS_openat2, dir, name, &how, sizeof how));
}

std::string readLink(const LayerDir& dir, const std::string& name) {
  std::string target(PATH_MAX, '\0');
  ssize_t length = readlinkat(dir.fd.get(), name.c_str(), target.data(), target.size());
  if (length < 0) failCall("readlinkat", dir.child(name));
  target.resize(static_cast<size_t>(length));
  return target;
}

}  // namespace

std::string LayerDir::child(std::string_view name) const {
  if (path.empty()) return std::string(name);
  return std::string(path).append("/").append(name);
}

LayerTree::LayerTree(const std::string& root, uint64_t maxInodes) : maxInodes_(maxInodes) {
  auto dir = std::make_shared<LayerDir>();
  dir->fd = unique_fd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!dir->fd) failCall("open", root);
  root_ = std::move(dir);
  remember("", ownDirectory());
}

LayerDirRef LayerTree::openParent(std::string_view path) {
  Walk walk{.create = true};
  return open(path, walk);
}

LayerDirRef LayerTree::findParent(std::string_view path) {
  Walk walk;
  return open(path, walk);
}

/** From the longest part that is known already; a long path costs one call for each component that is new. */
LayerDirRef LayerTree::open(std::string_view path, Walk& walk) {
  if (path.empty()) return root_;
  if (LayerDirRef known = cached(path)) return known;
  size_t slash = path.rfind('/');
  std::string_view before = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  LayerDirRef dir = open(before, walk);
  if (!dir || name.empty() || name == ".") return dir;
  if (name == "..") {
    if (dir->path.empty()) refuse(Refusal::unsafePath, "the name climbs out of the image");
    return up(dir);
  }
  dir = step(dir, name, walk);
  if (dir) cache(path, dir);
  return dir;
}

LayerDirRef LayerTree::step(const LayerDirRef& dir, std::string_view component, Walk& walk) {
  std::string name(component);
  std::string path = dir->child(name);
  if (path.size() >= PATH_MAX) refuse(Refusal::limit, "the path is past 4095 bytes");
  int fd = openDirectory(dir->fd.get(), name.c_str());
  if (fd >= 0) {
    auto found = std::make_shared<LayerDir>();
    found->fd = unique_fd(fd);
    found->path = std::move(path);
    return found;
  }
  if (errno == ENOENT) return walk.create ? make(dir, name) : nullptr;
  if (errno == ELOOP || errno == ENOTDIR) return stepOver(dir, name, walk);
  if (errno == ENAMETOOLONG) refuse(Refusal::limit, "a component of the path is past 255 bytes");
  failCall("openat2", path);
}

/** Something that is no directory stands in the way. */
LayerDirRef LayerTree::stepOver(const LayerDirRef& dir, const std::string& name, Walk& walk) {
  struct stat info = {};
  if (fstatat(dir->fd.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0)
    failCall("fstatat", dir->child(name));
  if (S_ISLNK(info.st_mode)) {
    walk.links += 1;
    if (walk.links > linksMax) refuse(Refusal::unsafePath, "the path leads through more than 40 links");
    return follow(dir, readLink(*dir, name), walk);
  }
  if (!isWhiteout(info)) refuse(Refusal::malformed, "\"" + dir->child(name) + "\" is not a directory");
  if (!walk.create) return nullptr;
  // Taken away and made anew in one layer: the new directory begins empty.
  makeDirectory(*dir, name, ownDirectory());
  return openBeneath(*dir, name, dir->child(name));
}

LayerDirRef LayerTree::make(const LayerDirRef& dir, const std::string& name) {
  makeDirectory(*dir, name, ownDirectory());
  return openBeneath(*dir, name, dir->child(name));
}

LayerDirRef LayerTree::follow(LayerDirRef dir, const std::string& target, Walk& walk) {
  std::string_view left = target;
  if (left.starts_with('/')) dir = root_;
  while (dir && !left.empty()) {
    size_t slash = std::min(left.find('/'), left.size());
    std::string_view name = left.substr(0, slash);
    left.remove_prefix(std::min(slash + 1, left.size()));
    if (name.empty() || name == ".") continue;
    dir = name == ".." ? up(dir) : step(dir, name, walk);
  }
  return dir;
}

/** By the path and not by "..": the kernel never gets to see one. */
LayerDirRef LayerTree::up(const LayerDirRef& dir) {
  std::string parent(splitPath(dir->path).parent);
  if (parent.empty()) return root_;
  return openBeneath(*root_, parent, parent);
}

LayerDirRef LayerTree::openBeneath(const LayerDir& dir, const std::string& name, std::string path) {
  auto opened = std::make_shared<LayerDir>();
  opened->fd = unique_fd(openDirectory(dir.fd.get(), name.c_str()));
  if (!opened->fd) failCall("openat2", path);
  opened->path = std::move(path);
  return opened;
}

void LayerTree::makeDirectory(const LayerDir& parent, const std::string& name, DirMeta meta) {
  std::string path = parent.child(name);
  if (path.size() >= PATH_MAX) refuse(Refusal::limit, "the path is past 4095 bytes");
  if (mkdirat(parent.fd.get(), name.c_str(), 0700) == 0) {
    countInode();
    remember(path, std::move(meta));
    return;
  }
  if (errno != EEXIST) failCall("mkdirat", path);
  struct stat info = {};
  if (fstatat(parent.fd.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0) failCall("fstatat", path);
  if (!S_ISDIR(info.st_mode)) {
    remove(parent, name);
    if (mkdirat(parent.fd.get(), name.c_str(), 0700) < 0) failCall("mkdirat", path);
    countInode();
    setOpaque(parent, name);
  }
  remember(path, std::move(meta));
}

void LayerTree::setOpaque(const LayerDir& dir) {
  if (fsetxattr(dir.fd.get(), "trusted.overlay.opaque", "y", 1, 0) < 0) failCall("fsetxattr", dir.path);
}

void LayerTree::setHoldsWhiteouts(const LayerDir& dir) {
  if (fsetxattr(dir.fd.get(), "trusted.overlay.origin", "", 0, 0) < 0) failCall("fsetxattr", dir.path);
}

void LayerTree::setOpaque(const LayerDir& parent, const std::string& name) {
  setOpaque(*openBeneath(parent, name, parent.child(name)));
}

void LayerTree::remove(const LayerDir& parent, const std::string& name) {
  struct stat info = {};
  if (fstatat(parent.fd.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0)
    failCall("fstatat", parent.child(name));
  if (S_ISDIR(info.st_mode)) {
    removeBeneath(parent.fd.get(), name);
    forgetBelow(parent.child(name));
    clearCache();
    return;
  }
  if (unlinkat(parent.fd.get(), name.c_str(), 0) < 0) failCall("unlinkat", parent.child(name));
  // Paths that led through the link lead elsewhere from now on.
  if (S_ISLNK(info.st_mode)) clearCache();
}

void LayerTree::countInode() {
  inodes_ += 1;
  if (inodes_ > maxInodes_) {
    refuse(Refusal::limit, "the layer has more than " + std::to_string(maxInodes_) + " entries");
  }
}

void LayerTree::countMemory(size_t bytes) {
  memory_ += bytes;
  if (memory_ > memoryMax) refuse(Refusal::limit, "the layer has too many directories or pending links");
}

void LayerTree::remember(const std::string& path, DirMeta meta) {
  constexpr size_t nodeBytes = 160;
  countMemory(nodeBytes + path.size());
  for (const Xattr& xattr : meta.xattrs) countMemory(xattr.name.size() + xattr.value.size());
  dirs_.insert_or_assign(path, std::move(meta));
}

void LayerTree::forgetBelow(const std::string& path) {
  dirs_.erase(path);
  auto first = dirs_.lower_bound(path + "/");
  auto last = dirs_.lower_bound(path + static_cast<char>('/' + 1));
  dirs_.erase(first, last);
}

void LayerTree::finish() {
  // In reverse, "a/b" comes before "a": its mode may keep a plain user from opening what is in it.
  for (auto entry = dirs_.rbegin(); entry != dirs_.rend(); ++entry) {
    if (entry->first.empty()) {
      applyMeta(root_->fd.get(), entry->second);
      continue;
    }
    applyMeta(openBeneath(*root_, entry->first, entry->first)->fd.get(), entry->second);
  }
}

LayerDirRef LayerTree::cached(std::string_view path) {
  if (!recent_.empty() && recent_.front().path == path) return recent_.front().dir;
  auto found = byPath_.find(path);
  if (found == byPath_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return found->second->dir;
}

void LayerTree::cache(std::string_view path, const LayerDirRef& dir) {
  recent_.push_front({std::string(path), dir});
  byPath_[recent_.front().path] = recent_.begin();
  if (recent_.size() <= cachedDirs) return;
  byPath_.erase(recent_.back().path);
  recent_.pop_back();
}

void LayerTree::clearCache() {
  byPath_.clear();
  recent_.clear();
}

}  // namespace podrun
