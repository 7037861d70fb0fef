#pragma once

#include <sys/stat.h>
#include <time.h>

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "addon/tar/pax.h"
#include "base/fd.h"

namespace podrun {

/** An open directory of the layer. `path` is where it really is below the root: no link, no "..", "" for the
 * root. */
struct LayerDir {
  unique_fd fd;
  std::string path;
  std::string child(std::string_view name) const;
};
using LayerDirRef = std::shared_ptr<const LayerDir>;

/** Set once everything is in: a mode may keep even us out, a time would change with the next child. */
struct DirMeta {
  uint32_t mode = 0755;
  uint32_t uid = 0;
  uint32_t gid = 0;
  bool hasTime = false;
  timespec mtime = {};
  std::vector<Xattr> xattrs;
};

/**
 * The directory a layer is unpacked into. Nobody else writes to it, so what is learnt about it stays true.
 *
 * A path is walked one component at a time, each opened beneath the last with openat2(2) and
 * RESOLVE_NO_SYMLINKS, which leaves the kernel no way out. Links within the layer are followed by us: what is
 * absolute starts at the root, and ".." stops there, as it would for a process in the container.
 */
class LayerTree {
 public:
  LayerTree(const std::string& root, uint64_t maxInodes);

  /** The directory `path` of an entry's name. Missing ones are made. @throws LayerError if ".." climbs past
   * the root */
  LayerDirRef openParent(std::string_view path);
  /** The same without making any: null when there is none. */
  LayerDirRef findParent(std::string_view path);
  LayerDirRef root() const { return root_; }

  /** Makes the directory unless it is there; what else is there gives way, and then nothing below shows
   * through. */
  void makeDirectory(const LayerDir& parent, const std::string& name, DirMeta meta);
  void setRootMeta(DirMeta meta) { remember("", std::move(meta)); }
  /** Marks the directory for overlayfs as hiding what the layers below have there. */
  void setOpaque(const LayerDir& dir);
  void setOpaque(const LayerDir& parent, const std::string& name);
  /**
   * A directory that no other layer has is listed as it is, whiteouts included, and `ls` stumbles over them.
   * With an origin, were it an empty one, overlayfs looks through the listing (Linux 4.15, "no direct
   * iteration for dir with origin xattr").
   */
  void setHoldsWhiteouts(const LayerDir& dir);
  /** Removes whatever has that name. */
  void remove(const LayerDir& parent, const std::string& name);
  /** One more inode. @throws LayerError past the limit */
  void countInode();
  /** Memory that grows with the archive. @throws LayerError past the limit */
  void countMemory(size_t bytes);
  /** Applies owners, modes, attributes and times of directories, the deepest first. */
  void finish();

  /** overlayfs's whiteout: a character device 0:0 (Documentation/filesystems/overlayfs.rst). */
  static bool isWhiteout(const struct stat& info) { return S_ISCHR(info.st_mode) && info.st_rdev == 0; }

 private:
  struct Walk {
    bool create = false;
    int links = 0;
  };

  LayerDirRef open(std::string_view path, Walk& walk);
  LayerDirRef step(const LayerDirRef& dir, std::string_view name, Walk& walk);
  LayerDirRef stepOver(const LayerDirRef& dir, const std::string& name, Walk& walk);
  LayerDirRef make(const LayerDirRef& dir, const std::string& name);
  LayerDirRef follow(LayerDirRef dir, const std::string& target, Walk& walk);
  LayerDirRef up(const LayerDirRef& dir);
  LayerDirRef openBeneath(const LayerDir& dir, const std::string& name, std::string path);
  void remember(const std::string& path, DirMeta meta);
  void forgetBelow(const std::string& path);

  LayerDirRef cached(std::string_view path);
  void cache(std::string_view path, const LayerDirRef& dir);
  void clearCache();

  struct Cached {
    std::string path;
    LayerDirRef dir;
  };
  LayerDirRef root_;
  uint64_t inodes_ = 0;
  uint64_t maxInodes_;
  size_t memory_ = 0;
  /** Ordered, so that all that is beneath a path lies together. */
  std::map<std::string, DirMeta> dirs_;
  /** The most recently used first, by the spelling in the archive: most entries share the parent of the last.
   */
  std::list<Cached> recent_;
  std::unordered_map<std::string_view, std::list<Cached>::iterator> byPath_;
};

}  // namespace podrun
