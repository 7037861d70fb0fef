#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "addon/tar/reader.h"
#include "addon/unpack/path.h"
#include "addon/unpack/tree.h"

namespace podrun {

struct UnpackLimits {
  uint64_t maxBytes = 0;
  uint64_t maxEntries = 0;
};

/** Puts the entries of one layer into its directory, in the form that overlayfs wants of a lower one. */
class LayerWriter {
 public:
  LayerWriter(LayerTree& tree, TarReader& reader, UnpackLimits limits)
      : tree_(tree), reader_(reader), limits_(limits) {}

  void write(const TarEntry& entry);
  /** Makes the hard links whose target came after them, then what directories get last. */
  void finish();
  uint64_t entries() const { return entries_; }
  uint64_t bytes() const { return bytes_; }

 private:
  /** A hard link whose target is not there yet. */
  struct PendingLink {
    /** As the archive spells them. */
    std::string name;
    std::string target;
    enum class State { waiting, active, done } state = State::waiting;
  };
  struct Place {
    LayerDirRef parent;
    std::string name;
    std::string path() const { return parent->child(name); }
  };

  void writeRoot(const TarEntry& entry);
  void writeFile(const Place& place, const TarEntry& entry);
  void writeData(int fd);
  void writeSparse(int fd, const TarEntry& entry);
  void writeSymlink(const Place& place, const TarEntry& entry);
  void writeNode(const Place& place, const TarEntry& entry);
  void writeLink(const Place& place, const TarEntry& entry);
  void writeWhiteout(const LayerDirRef& parent, const std::string& name);
  static bool occupied(const Place& place);
  bool link(const Place& place, const std::string& target);
  Place findTarget(const std::string& target);
  void finishLink(PendingLink& pending);
  void applyNodeMeta(const Place& place, const TarEntry& entry);

  /** Runs a call that makes `place`; when something has that name already, it goes first. */
  template <typename Make>
  int replacing(const Place& place, const char* syscall, Make make);

  LayerTree& tree_;
  TarReader& reader_;
  UnpackLimits limits_;
  uint64_t entries_ = 0;
  uint64_t bytes_ = 0;
  /** By the real path of the link: a later entry of that name takes its place. */
  std::map<std::string, PendingLink> pending_;
};

}  // namespace podrun
