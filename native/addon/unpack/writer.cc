#include "addon/unpack/writer.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include "addon/layer_error.h"
#include "addon/unpack/meta.h"

namespace podrun {
namespace {

void writeAll(int fd, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) failCall("write");
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

mode_t nodeType(EntryType type) {
  if (type == EntryType::charDevice) return S_IFCHR;
  return type == EntryType::blockDevice ? S_IFBLK : S_IFIFO;
}

DirMeta dirMeta(const TarEntry& entry) {
  return {entry.mode, entry.uid, entry.gid, true, entry.mtime, entry.xattrs};
}

}  // namespace

void LayerWriter::write(const TarEntry& entry) {
  entries_ += 1;
  tree_.countInode();
  if (entry.size > limits_.maxBytes - bytes_) {
    refuse(Refusal::limit, "the layer has more than " + std::to_string(limits_.maxBytes) + " bytes");
  }
  EntryPath path = classifyPath(entry.name);
  if (path.kind == EntryPath::Kind::ignored) return;
  if (path.kind == EntryPath::Kind::root) return writeRoot(entry);
  if (path.base.size() > NAME_MAX) refuse(Refusal::limit, "a component of the path is past 255 bytes");
  Place place{tree_.openParent(path.parent), std::string(path.base)};
  if (path.kind == EntryPath::Kind::opaque) return tree_.setOpaque(*place.parent);
  if (path.kind == EntryPath::Kind::whiteout) return writeWhiteout(place.parent, place.name);
  if (!pending_.empty()) pending_.erase(place.path());
  bytes_ += entry.size;
  switch (entry.type) {
    case EntryType::file:
      return writeFile(place, entry);
    case EntryType::directory:
      return tree_.makeDirectory(*place.parent, place.name, dirMeta(entry));
    case EntryType::symlink:
      return writeSymlink(place, entry);
    case EntryType::hardLink:
      return writeLink(place, entry);
    case EntryType::charDevice:
    case EntryType::blockDevice:
    case EntryType::fifo:
      return writeNode(place, entry);
  }
}

void LayerWriter::writeRoot(const TarEntry& entry) {
  if (entry.type != EntryType::directory)
    refuse(Refusal::unsafePath, "the root of the image must be a directory");
  tree_.setRootMeta(dirMeta(entry));
}

template <typename Make>
int LayerWriter::replacing(const Place& place, const char* syscall, Make make) {
  int result = make(place.parent->fd.get(), place.name.c_str());
  if (result < 0 && errno == EEXIST) {
    tree_.remove(*place.parent, place.name);
    result = make(place.parent->fd.get(), place.name.c_str());
  }
  if (result < 0) failCall(syscall, place.path());
  return result;
}

void LayerWriter::writeFile(const Place& place, const TarEntry& entry) {
  unique_fd file(replacing(place, "openat", [](int dir, const char* name) {
    return openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  }));
  if (entry.sparse) {
    writeSparse(file.get(), entry);
  } else {
    writeData(file.get());
  }
  // The owner first: chown(2) clears the set-id bits and file capabilities. The mode by fchmod and not at the
  // creation: the umask belongs to the whole process.
  if (fchown(file.get(), entry.uid, entry.gid) < 0) failCall("fchown", place.path());
  if (fchmod(file.get(), entry.mode) < 0) failCall("fchmod", place.path());
  setXattrs(file.get(), nullptr, entry.xattrs);
  const timespec times[2] = {entry.mtime, entry.mtime};
  if (futimens(file.get(), times) < 0) failCall("futimens", place.path());
}

void LayerWriter::writeData(int fd) {
  for (auto piece = reader_.data(); !piece.empty(); piece = reader_.data()) writeAll(fd, piece);
}

void LayerWriter::writeSparse(int fd, const TarEntry& entry) {
  if (ftruncate(fd, static_cast<off_t>(entry.size)) < 0) failCall("ftruncate");
  std::span<const uint8_t> held;
  for (const SparsePiece& piece : *entry.sparse) {
    if (lseek(fd, static_cast<off_t>(piece.offset), SEEK_SET) < 0) failCall("lseek");
    for (uint64_t left = piece.bytes; left > 0;) {
      if (held.empty()) held = reader_.data();
      std::span<const uint8_t> part = held.first(static_cast<size_t>(std::min<uint64_t>(left, held.size())));
      writeAll(fd, part);
      held = held.subspan(part.size());
      left -= part.size();
    }
  }
}

void LayerWriter::writeSymlink(const Place& place, const TarEntry& entry) {
  if (entry.link.empty()) refuse(Refusal::malformed, "the link has no target");
  if (entry.link.size() >= PATH_MAX) refuse(Refusal::limit, "the link's target is past 4095 bytes");
  // The target stays as it is, wherever it points: it is only ever followed within the container.
  replacing(place, "symlinkat",
            [&](int dir, const char* name) { return symlinkat(entry.link.c_str(), dir, name); });
  int dir = place.parent->fd.get();
  const char* name = place.name.c_str();
  if (fchownat(dir, name, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) < 0) failCall("fchownat", place.path());
  if (!entry.xattrs.empty()) {
    unique_fd held(openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!held) failCall("openat", place.path());
    setXattrs(-1, ("/proc/self/fd/" + std::to_string(held.get())).c_str(), entry.xattrs);
  }
  const timespec times[2] = {entry.mtime, entry.mtime};
  if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0) failCall("utimensat", place.path());
}

void LayerWriter::writeNode(const Place& place, const TarEntry& entry) {
  dev_t device = makedev(entry.deviceMajor, entry.deviceMinor);
  // Whatever the archive meant by it, overlayfs will hide what has this name.
  if (entry.type == EntryType::charDevice && device == 0) return writeWhiteout(place.parent, place.name);
  replacing(place, "mknodat", [&](int dir, const char* name) {
    return mknodat(dir, name, nodeType(entry.type) | 0600, entry.type == EntryType::fifo ? 0 : device);
  });
  applyNodeMeta(place, entry);
}

/** A device must not be opened, not even by accident: O_PATH, and /proc where no call takes such a
 * descriptor. */
void LayerWriter::applyNodeMeta(const Place& place, const TarEntry& entry) {
  unique_fd held(openat(place.parent->fd.get(), place.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!held) failCall("openat", place.path());
  std::string path = "/proc/self/fd/" + std::to_string(held.get());
  if (fchownat(held.get(), "", entry.uid, entry.gid, AT_EMPTY_PATH) < 0) failCall("fchownat", place.path());
  if (chmod(path.c_str(), entry.mode) < 0) failCall("chmod", place.path());
  setXattrs(-1, path.c_str(), entry.xattrs);
  const timespec times[2] = {entry.mtime, entry.mtime};
  if (utimensat(AT_FDCWD, path.c_str(), times, 0) < 0) failCall("utimensat", place.path());
}

void LayerWriter::writeWhiteout(const LayerDirRef& parent, const std::string& name) {
  if (mknodat(parent->fd.get(), name.c_str(), S_IFCHR | 0600, 0) == 0)
    return tree_.setHoldsWhiteouts(*parent);
  if (errno != EEXIST) failCall("mknodat", parent->child(name));
  // "Whiteout files MUST only apply to resources in lower/parent layers" (image-spec layer.md): what this
  // layer has stays, in whichever order they come; of a directory nothing below may show through.
  struct stat info = {};
  if (fstatat(parent->fd.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0) {
    failCall("fstatat", parent->child(name));
  }
  if (S_ISDIR(info.st_mode)) tree_.setOpaque(*parent, name);
}

LayerWriter::Place LayerWriter::findTarget(const std::string& target) {
  SplitPath split = splitPath(target);
  if (split.base.empty()) refuse(Refusal::malformed, "the hard link has no target");
  if (split.base == "..") refuse(Refusal::unsafePath, "the target of the hard link ends in \"..\"");
  return {tree_.findParent(split.parent), std::string(split.base)};
}

/** False when the target is not there. */
bool LayerWriter::link(const Place& place, const std::string& target) {
  Place from = findTarget(target);
  if (!from.parent) return false;
  struct stat info = {};
  if (fstatat(from.parent->fd.get(), from.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0) {
    if (errno == ENOENT) return false;
    failCall("fstatat", from.path());
  }
  if (LayerTree::isWhiteout(info)) return false;
  if (S_ISDIR(info.st_mode)) refuse(Refusal::malformed, "the hard link leads to a directory");
  if (from.path() == place.path()) return true;
  // Without AT_SYMLINK_FOLLOW: a hard link to a link is one more name of the link.
  replacing(place, "linkat", [&](int dir, const char* name) {
    return linkat(from.parent->fd.get(), from.name.c_str(), dir, name, 0);
  });
  return true;
}

/** What has that name at the moment; false for nothing or a mere whiteout. */
bool LayerWriter::occupied(const Place& place) {
  struct stat info = {};
  if (fstatat(place.parent->fd.get(), place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    return !LayerTree::isWhiteout(info);
  }
  if (errno != ENOENT) failCall("fstatat", place.path());
  return false;
}

void LayerWriter::writeLink(const Place& place, const TarEntry& entry) {
  if (entry.link.size() >= PATH_MAX) refuse(Refusal::limit, "the target of the hard link is past 4095 bytes");
  if (link(place, entry.link)) return;
  // The target may come later. What had this name gives way now, as it would to a link made at once.
  if (occupied(place)) tree_.remove(*place.parent, place.name);
  constexpr size_t nodeBytes = 192;
  std::string path = place.path();
  tree_.countMemory(nodeBytes + path.size() + entry.name.size() + entry.link.size());
  pending_[path] = {entry.name, entry.link};
}

/** The chain of links from here to one whose target is there, then back: each is made once its target is. */
void LayerWriter::finishLink(PendingLink& first) {
  std::vector<PendingLink*> chain{&first};
  while (!chain.empty()) {
    PendingLink& pending = *chain.back();
    if (pending.state == PendingLink::State::done) {
      chain.pop_back();
      continue;
    }
    EntryPath path = classifyPath(pending.name);
    Place place{tree_.openParent(path.parent), std::string(path.base)};
    Place from = findTarget(pending.target);
    auto before = from.parent ? pending_.find(from.path()) : pending_.end();
    if (before != pending_.end() && before->second.state == PendingLink::State::waiting &&
        &before->second != &pending) {
      pending.state = PendingLink::State::active;
      chain.push_back(&before->second);
      continue;
    }
    const char* reason = occupied(place)               ? "something else has its name by now"
                         : link(place, pending.target) ? nullptr
                                                       : "its target is not in this layer";
    if (reason) {
      throw LayerError{refusalCode(Refusal::malformed),
                       "the hard link to \"" + pending.target + "\" cannot be made: " + reason,
                       pending.name,
                       {}};
    }
    pending.state = PendingLink::State::done;
    chain.pop_back();
  }
}

void LayerWriter::finish() {
  for (auto& [path, pending] : pending_) finishLink(pending);
  tree_.finish();
}

}  // namespace podrun
