#pragma once

#include <time.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "addon/tar/header.h"
#include "addon/tar/pax.h"

namespace podrun {

enum class EntryType { file, hardLink, symlink, charDevice, blockDevice, directory, fifo };

/** One member of the archive, all its headers taken together. Names are bytes, as they stand in the archive.
 */
struct TarEntry {
  EntryType type = EntryType::file;
  std::string name;
  std::string link;
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  /** Size of the file once unpacked. */
  uint64_t size = 0;
  timespec mtime = {};
  uint32_t deviceMajor = 0;
  uint32_t deviceMinor = 0;
  std::vector<Xattr> xattrs;
  /** Where the data goes, when the file is sparse: the data is then that of the pieces alone. */
  std::optional<std::vector<SparsePiece>> sparse;
};

/** The uncompressed stream, in pieces of any length. */
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /** The next piece, valid until the next call; empty at the end. */
  virtual std::span<const uint8_t> next() = 0;
};

/**
 * Reads V7, ustar, PAX, GNU and star archives, as Go's archive/tar does, the reader that images are written
 * for. Where the known readers disagree about what an archive says, the archive is refused.
 */
class TarReader {
 public:
  explicit TarReader(ByteSource& source) : source_(source) {}

  /** Moves on to the next entry, past data not read. False at the end of the archive. */
  bool next(TarEntry& entry);
  /** The next piece of the entry's data; empty at its end. */
  std::span<const uint8_t> data();
  /** Reads whatever stands after the end of the archive. */
  void drain();

 private:
  /** Headers seen since the last entry; they belong to the next one alone. */
  struct Pending {
    std::optional<PaxRecords> pax;
    std::optional<std::string> longName;
    std::optional<std::string> longLink;
    bool any() const { return pax || longName || longLink; }
  };

  /** The next `wanted` bytes or fewer that lie together; empty at the end of the stream. */
  std::span<const uint8_t> take(uint64_t wanted);
  /** A whole block; nothing at the end of the stream. Valid until the next call. */
  std::optional<TarBlock> block();
  TarBlock requireBlock();
  void skip(uint64_t bytes, bool mayEnd);
  std::string readMeta(int64_t size);
  bool readPending(const TarHeader& header, Pending& pending);
  void build(TarBlock block, const TarHeader& header, Pending& pending, TarEntry& entry);
  void buildNames(const TarHeader& header, Pending& pending, TarEntry& entry);
  void buildNumbers(const TarHeader& header, const Pending& pending, TarEntry& entry);
  void buildData(TarBlock block, const TarHeader& header, const Pending& pending, TarEntry& entry);

  ByteSource& source_;
  std::span<const uint8_t> piece_;
  uint8_t scratch_[tarBlockBytes] = {};
  uint64_t dataLeft_ = 0;
  uint64_t padding_ = 0;
};

}  // namespace podrun
