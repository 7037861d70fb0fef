#include "addon/tar/header.h"

#include <cstring>

#include "addon/layer_error.h"

namespace podrun {
namespace {

// Offsets of POSIX.1-2017 pax, "ustar Interchange Format".
constexpr size_t checksumAt = 148;
constexpr size_t checksumBytes = 8;
constexpr size_t magicAt = 257;

int64_t base256(std::span<const uint8_t> field, const char* what) {
  // The first bit only marks the form; the second is the sign.
  bool negative = (field[0] & 0x40) != 0;
  uint64_t value = negative ? ~uint64_t{0} : 0;
  for (size_t i = 0; i < field.size(); i += 1) {
    uint8_t byte = i > 0 ? field[i] : static_cast<uint8_t>(negative ? field[0] | 0x80 : field[0] & 0x3f);
    uint8_t lost = static_cast<uint8_t>(value >> 56);
    if (lost != (negative ? 0xff : 0)) refuse(Refusal::malformed, std::string(what) + " is past 64 bits");
    value = value << 8 | byte;
  }
  auto result = static_cast<int64_t>(value);
  if ((result < 0) != negative) refuse(Refusal::malformed, std::string(what) + " is past 64 bits");
  return result;
}

int64_t octal(std::span<const uint8_t> field, const char* what) {
  auto blank = [](uint8_t c) { return c == ' ' || c == 0; };
  size_t i = 0;
  while (i < field.size() && blank(field[i])) i += 1;
  int64_t value = 0;
  for (; i < field.size() && field[i] >= '0' && field[i] <= '7'; i += 1) value = value * 8 + (field[i] - '0');
  while (i < field.size() && blank(field[i])) i += 1;
  if (i < field.size()) refuse(Refusal::malformed, std::string(what) + " is not an octal number");
  return value;
}

/** Old Sun and V7 tars summed signed chars; both sums are accepted, as everywhere. */
void verifyChecksum(TarBlock block) {
  int64_t expected = tarNumber(block, checksumAt, checksumBytes, "the header's checksum");
  int64_t plain = 0;
  int64_t withSign = 0;
  for (size_t i = 0; i < tarBlockBytes; i += 1) {
    uint8_t byte = i >= checksumAt && i < checksumAt + checksumBytes ? ' ' : block[i];
    plain += byte;
    withSign += static_cast<int8_t>(byte);
  }
  if (expected != plain && expected != withSign) refuse(Refusal::malformed, "the header's checksum is wrong");
}

}  // namespace

bool isZeroBlock(TarBlock block) {
  if (block[0] != 0) return false;
  return std::memcmp(block.data(), block.data() + 1, tarBlockBytes - 1) == 0;
}

std::string_view tarText(TarBlock block, size_t offset, size_t length) {
  const char* text = reinterpret_cast<const char*>(block.data()) + offset;
  return {text, strnlen(text, length)};
}

int64_t tarNumber(TarBlock block, size_t offset, size_t length, const char* what) {
  std::span<const uint8_t> field = block.subspan(offset, length);
  return (field[0] & 0x80) != 0 ? base256(field, what) : octal(field, what);
}

TarHeader parseTarHeader(TarBlock block) {
  verifyChecksum(block);
  TarHeader header;
  const void* magic = block.data() + magicAt;
  header.gnu = std::memcmp(magic, "ustar  ", 8) == 0;
  header.ustar = !header.gnu && std::memcmp(magic, "ustar", 6) == 0;
  header.type = static_cast<char>(block[156]);
  header.name = tarText(block, 0, 100);
  header.link = tarText(block, 157, 100);
  header.mode = static_cast<uint32_t>(tarNumber(block, 100, 8, "the mode") & 07777);
  header.uid = tarNumber(block, 108, 8, "the owner");
  header.gid = tarNumber(block, 116, 8, "the group");
  header.size = tarNumber(block, 124, 12, "the size");
  header.mtime = tarNumber(block, 136, 12, "the time");
  if (header.ustar) {
    // Schily's star marks its headers at the end and keeps two times in the tail of the prefix field.
    bool star = std::memcmp(block.data() + 508, "tar", 4) == 0;
    header.prefix = tarText(block, 345, star ? 131 : 155);
  }
  if (header.type == '3' || header.type == '4') {
    header.deviceMajor = tarNumber(block, 329, 8, "the device's major number");
    header.deviceMinor = tarNumber(block, 337, 8, "the device's minor number");
  }
  return header;
}

}  // namespace podrun
