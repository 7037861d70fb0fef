#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"

namespace podrun {

enum class Compression { none, gzip, zstd };

/** The blob's bytes, in order, through one large buffer. */
class BlobFile {
 public:
  explicit BlobFile(const std::string& path);
  uint64_t size() const { return size_; }
  /** Up to out.size() bytes; fewer only at the end of the file. */
  size_t readInto(std::span<uint8_t> out);
  /** The next piece of the file; empty at its end. Valid until the next call. */
  std::span<uint8_t> next();
  /** The first bytes, without moving on. */
  std::span<const uint8_t> magic() const { return {magic_, magicBytes_}; }

 private:
  static constexpr size_t bufferBytes = 256 * 1024;
  unique_fd fd_;
  uint64_t size_ = 0;
  uint8_t magic_[4] = {};
  size_t magicBytes_ = 0;
  std::vector<uint8_t> buffer_;
};

/** A stream of uncompressed bytes. */
class Inflater {
 public:
  virtual ~Inflater() = default;
  /** Fills `out`; fewer bytes only at the end, which is reached once every checksum of the blob has been
   * verified. */
  virtual size_t read(std::span<uint8_t> out) = 0;
};

/** @throws LayerError when the first bytes are not what `compression` promises. */
std::unique_ptr<Inflater> makeInflater(BlobFile& blob, Compression compression);

}  // namespace podrun
