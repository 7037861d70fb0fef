#pragma once

#include <time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace podrun {

struct Xattr {
  std::string name;
  std::string value;
};

/** One fragment of a sparse file: `bytes` of data at `offset`. */
struct SparsePiece {
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

/** What an extended header says of the entry after it. Absent means: the plain header counts. */
struct PaxRecords {
  std::optional<std::string> path;
  std::optional<std::string> linkPath;
  std::optional<int64_t> size;
  std::optional<int64_t> uid;
  std::optional<int64_t> gid;
  std::optional<timespec> mtime;
  std::vector<Xattr> xattrs;

  /** GNU tar's sparse files: 0.0 repeats offset and numbytes, 0.1 has a map, 1.0 puts the map before the
   * data. */
  struct Sparse {
    std::string version = "0";
    std::string name;
    std::optional<int64_t> realSize;
    std::vector<int64_t> numbers;
  };
  std::optional<Sparse> sparse;
};

/**
 * Decodes the records of one extended header ("<length> <key>=<value>\n", POSIX.1-2017 pax).
 * @throws LayerError for a record that lies about its length, a NUL where none may be, or a bad number
 */
PaxRecords parsePax(std::string_view data);

/** Whether a global header would change which files there are or what is in them; such headers are refused.
 */
bool changesContent(const PaxRecords& records);

}  // namespace podrun
