#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace podrun {

constexpr size_t tarBlockBytes = 512;
using TarBlock = std::span<const uint8_t, tarBlockBytes>;

/** One header block, decoded but not yet believed. The views point into the block. */
struct TarHeader {
  /** GNU's own format keeps sparse data and times where ustar keeps the name's prefix. */
  bool gnu = false;
  bool ustar = false;
  char type = 0;
  std::string_view name;
  std::string_view prefix;
  std::string_view link;
  uint32_t mode = 0;
  int64_t uid = 0;
  int64_t gid = 0;
  int64_t size = 0;
  int64_t mtime = 0;
  int64_t deviceMajor = 0;
  int64_t deviceMinor = 0;
};

bool isZeroBlock(TarBlock block);

/** @throws LayerError for a wrong checksum or a field that is not a number. */
TarHeader parseTarHeader(TarBlock block);

/** The bytes of a text field up to its first NUL. */
std::string_view tarText(TarBlock block, size_t offset, size_t length);

/**
 * A number as POSIX ustar writes it (octal digits between spaces and NULs; nothing at all is 0) or as GNU tar
 * does when the octal field is too short (first bit set, then two's complement, big-endian).
 */
int64_t tarNumber(TarBlock block, size_t offset, size_t length, const char* what);

}  // namespace podrun
