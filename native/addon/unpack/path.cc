#include "addon/unpack/path.h"

#include <limits.h>

#include "addon/layer_error.h"

namespace podrun {
namespace {

constexpr std::string_view whiteoutPrefix = ".wh.";
constexpr std::string_view metadataPrefix = ".wh..wh.";
constexpr std::string_view opaqueMarker = ".wh..wh..opq";

/** Whether a component of `path` begins with `prefix`. */
bool hasComponent(std::string_view path, std::string_view prefix) {
  for (size_t at = path.find(prefix); at != std::string_view::npos; at = path.find(prefix, at + 1)) {
    if (at == 0 || path[at - 1] == '/') return true;
  }
  return false;
}

}  // namespace

SplitPath splitPath(std::string_view path) {
  while (!path.empty()) {
    if (path.ends_with('/')) {
      path.remove_suffix(1);
    } else if (path == "." || path.ends_with("/.")) {
      path.remove_suffix(1);
    } else {
      break;
    }
  }
  size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

EntryPath classifyPath(std::string_view name) {
  if (name.empty()) refuse(Refusal::malformed, "the entry has no name");
  if (name.size() >= PATH_MAX) refuse(Refusal::limit, "the name is past 4095 bytes");
  auto [parent, base] = splitPath(name);
  EntryPath path{EntryPath::Kind::plain, parent, base};
  if (base.empty()) {
    path.kind = EntryPath::Kind::root;
    return path;
  }
  if (base == "..") refuse(Refusal::unsafePath, "the name ends in \"..\"");
  bool opaque = base == opaqueMarker;
  // Directories of AUFS's (.wh..wh.plnk, .wh..wh.orph) come with their content.
  if (hasComponent(parent, metadataPrefix) || (!opaque && base.starts_with(metadataPrefix))) {
    path.kind = EntryPath::Kind::ignored;
    return path;
  }
  // image-spec layer.md reserves the prefix; some tools would see a plain directory here, others a whiteout.
  if (hasComponent(parent, whiteoutPrefix)) refuse(Refusal::malformed, "a whiteout within the path");
  if (opaque) {
    path.kind = EntryPath::Kind::opaque;
  } else if (base.starts_with(whiteoutPrefix)) {
    path.kind = EntryPath::Kind::whiteout;
    path.base.remove_prefix(whiteoutPrefix.size());
    if (path.base.empty() || path.base == "." || path.base == "..") {
      refuse(Refusal::malformed, "the whiteout names nothing that could be taken away");
    }
  }
  return path;
}

}  // namespace podrun
