#pragma once

#include <string>
#include <string_view>

namespace podrun {

/** What the name of an entry asks for. The views point into the name. */
struct EntryPath {
  enum class Kind {
    /** The root of the layer itself. */
    root,
    plain,
    /** `.wh.<base>`: `base` is the name to take away. */
    whiteout,
    /** `.wh..wh..opq`: `parent` shows nothing of the layers below. */
    opaque,
    /** AUFS's own bookkeeping, which means nothing here. */
    ignored,
  };
  Kind kind = Kind::plain;
  /** Everything before the last component, as the archive spells it. */
  std::string_view parent;
  std::string_view base;
};

/**
 * Splits the name of an entry; a leading slash means the root of the image.
 * @throws LayerError for an empty name, for "..", as the last component and for whiteouts of nothing, "." or
 * ".."
 */
EntryPath classifyPath(std::string_view name);

/** Cuts the last component off: {"a/b", "c"} of "a/b/c/", {"", ""} of "/". "." at the end is no component. */
struct SplitPath {
  std::string_view parent;
  std::string_view base;
};
SplitPath splitPath(std::string_view path);

}  // namespace podrun
