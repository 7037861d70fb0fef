#include "addon/tar/reader.h"

#include <limits.h>

#include <algorithm>
#include <cstring>

#include "addon/layer_error.h"
#include "addon/tar/sparse.h"

namespace podrun {
namespace {

/** Extended headers are held in memory; Go's archive/tar has the same bound. */
constexpr int64_t metaBytesMax = 1 << 20;

EntryType entryType(char type) {
  switch (type) {
    case '\0':
    case '0':
    case '7':  // contiguous: "treat as a regular file" (POSIX)
    case 'S':
      return EntryType::file;
    case '1':
      return EntryType::hardLink;
    case '2':
      return EntryType::symlink;
    case '3':
      return EntryType::charDevice;
    case '4':
      return EntryType::blockDevice;
    case '5':
      return EntryType::directory;
    case '6':
      return EntryType::fifo;
    default:
      break;
  }
  bool letter = (type >= 'A' && type <= 'Z') || (type >= 'a' && type <= 'z');
  refuse(Refusal::unsupported, letter ? std::string("the entry is of type ") + type
                                      : "the entry is of type " + std::to_string(static_cast<uint8_t>(type)));
}

/** (uid_t)-1 means "leave it" to chown(2), so it is no owner. */
uint32_t checkedId(int64_t id, const char* what) {
  if (id < 0 || id >= UINT32_MAX)
    refuse(Refusal::malformed, std::string(what) + " is not a number of 32 bits");
  return static_cast<uint32_t>(id);
}

/** The kernel packs 12 bits of major and 20 of minor (linux/kdev_t.h) and would cut off the rest. */
uint32_t checkedDevice(int64_t number, int64_t limit, const char* what) {
  if (number < 0 || number > limit) refuse(Refusal::unsupported, std::string(what) + " is out of range");
  return static_cast<uint32_t>(number);
}

}  // namespace

std::span<const uint8_t> TarReader::take(uint64_t wanted) {
  if (piece_.empty()) piece_ = source_.next();
  std::span<const uint8_t> taken =
      piece_.first(static_cast<size_t>(std::min<uint64_t>(wanted, piece_.size())));
  piece_ = piece_.subspan(taken.size());
  return taken;
}

std::optional<TarBlock> TarReader::block() {
  std::span<const uint8_t> taken = take(tarBlockBytes);
  if (taken.size() == tarBlockBytes) return TarBlock(taken);
  if (taken.empty()) return std::nullopt;
  size_t filled = 0;
  while (true) {
    std::memcpy(scratch_ + filled, taken.data(), taken.size());
    filled += taken.size();
    if (filled == tarBlockBytes) return TarBlock(scratch_);
    taken = take(tarBlockBytes - filled);
    if (taken.empty()) refuse(Refusal::truncated, "the archive ends within a block");
  }
}

TarBlock TarReader::requireBlock() {
  std::optional<TarBlock> next = block();
  if (!next) refuse(Refusal::truncated, "the archive ends within an entry");
  return *next;
}

void TarReader::skip(uint64_t bytes, bool mayEnd) {
  while (bytes > 0) {
    std::span<const uint8_t> taken = take(bytes);
    if (taken.empty() && mayEnd) return;
    if (taken.empty()) refuse(Refusal::truncated, "the archive ends within a file");
    bytes -= taken.size();
  }
}

std::span<const uint8_t> TarReader::data() {
  if (dataLeft_ == 0) return {};
  std::span<const uint8_t> taken = take(dataLeft_);
  if (taken.empty()) refuse(Refusal::truncated, "the archive ends within a file");
  dataLeft_ -= taken.size();
  return taken;
}

void TarReader::drain() {
  while (!take(UINT64_MAX).empty()) continue;
}

std::string TarReader::readMeta(int64_t size) {
  if (size < 0) refuse(Refusal::malformed, "the size of an extended header is negative");
  if (size > metaBytesMax) refuse(Refusal::limit, "an extended header is past 1 MiB");
  std::string text;
  text.reserve(static_cast<size_t>(size));
  auto left = static_cast<uint64_t>(size);
  while (left > 0) {
    std::span<const uint8_t> taken = take(left);
    if (taken.empty()) refuse(Refusal::truncated, "the archive ends within an extended header");
    text.append(reinterpret_cast<const char*>(taken.data()), taken.size());
    left -= taken.size();
  }
  skip(-static_cast<uint64_t>(size) % tarBlockBytes, false);
  return text;
}

/** True when `header` was one that only says something about the next. */
bool TarReader::readPending(const TarHeader& header, Pending& pending) {
  switch (header.type) {
    case 'x':
      if (pending.pax) refuse(Refusal::malformed, "two extended headers follow each other");
      pending.pax = parsePax(readMeta(header.size));
      return true;
    case 'g':
      // git archive keeps a comment in one. Readers disagree on whether anything else in it counts.
      if (changesContent(parsePax(readMeta(header.size)))) {
        refuse(Refusal::unsupported, "a global header changes names, sizes or attributes");
      }
      return true;
    case 'L':
    case 'K': {
      std::string text = readMeta(header.size);
      text.resize(strnlen(text.c_str(), text.size()));
      (header.type == 'L' ? pending.longName : pending.longLink) = std::move(text);
      return true;
    }
    default:
      return false;
  }
}

bool TarReader::next(TarEntry& entry) {
  skip(dataLeft_, false);
  // Some writers leave out the padding of the very last file.
  skip(padding_, true);
  dataLeft_ = padding_ = 0;
  Pending pending;
  while (true) {
    std::optional<TarBlock> header = block();
    if (!header || isZeroBlock(*header)) {
      if (pending.any()) refuse(Refusal::truncated, "the archive ends after an extended header");
      // Two zero blocks, or the end of the stream in place of either; one alone is an archive that was
      // damaged.
      std::optional<TarBlock> second = header ? block() : std::nullopt;
      if (second && !isZeroBlock(*second))
        refuse(Refusal::malformed, "a single block of zeros within the archive");
      return false;
    }
    TarHeader parsed = parseTarHeader(*header);
    if (readPending(parsed, pending)) continue;
    build(*header, parsed, pending, entry);
    return true;
  }
}

void TarReader::build(TarBlock block, const TarHeader& header, Pending& pending, TarEntry& entry) {
  entry.xattrs.clear();
  entry.sparse.reset();
  buildNames(header, pending, entry);
  entry.type = entryType(header.type);
  // The old way to write a directory. A file of that name which has data is read differently by every tool.
  if (entry.type == EntryType::file && entry.name.ends_with('/')) entry.type = EntryType::directory;
  buildNumbers(header, pending, entry);
  if (pending.pax) entry.xattrs = std::move(pending.pax->xattrs);
  buildData(block, header, pending, entry);
}

void TarReader::buildNames(const TarHeader& header, Pending& pending, TarEntry& entry) {
  const PaxRecords* pax = pending.pax ? &*pending.pax : nullptr;
  if (pax && ((pax->path && pending.longName && *pax->path != *pending.longName) ||
              (pax->linkPath && pending.longLink && *pax->linkPath != *pending.longLink))) {
    refuse(Refusal::malformed, "a PAX record and a GNU header give the entry different names");
  }
  entry.name.clear();
  if (!header.prefix.empty()) entry.name.append(header.prefix).append("/");
  entry.name.append(header.name);
  entry.link.assign(header.link);
  if (pending.longName) entry.name = std::move(*pending.longName);
  if (pending.longLink) entry.link = std::move(*pending.longLink);
  if (pax && pax->path) entry.name = *pax->path;
  if (pax && pax->sparse && !pax->sparse->name.empty()) entry.name = pax->sparse->name;
  if (pax && pax->linkPath) entry.link = *pax->linkPath;
}

void TarReader::buildNumbers(const TarHeader& header, const Pending& pending, TarEntry& entry) {
  PaxRecords none;
  const PaxRecords& pax = pending.pax ? *pending.pax : none;
  entry.mode = header.mode;
  entry.uid = checkedId(pax.uid.value_or(header.uid), "the owner");
  entry.gid = checkedId(pax.gid.value_or(header.gid), "the group");
  entry.mtime = pax.mtime.value_or(timespec{.tv_sec = header.mtime, .tv_nsec = 0});
  entry.deviceMajor = checkedDevice(header.deviceMajor, 0xfff, "the device's major number");
  entry.deviceMinor = checkedDevice(header.deviceMinor, 0xfffff, "the device's minor number");
}

void TarReader::buildData(TarBlock block, const TarHeader& header, const Pending& pending, TarEntry& entry) {
  bool paxSparse = pending.pax && pending.pax->sparse;
  int64_t size = pending.pax && pending.pax->size ? *pending.pax->size : header.size;
  if (size < 0) refuse(Refusal::malformed, "the size is negative");
  entry.size = 0;
  if (entry.type != EntryType::file) {
    bool oldDirectory = entry.type == EntryType::directory && header.type != '5';
    if (oldDirectory && size > 0) refuse(Refusal::malformed, "a directory with data");
    // Links, directories and devices have no data whatever their size field says (archive/tar, isHeaderOnly).
    return;
  }
  dataLeft_ = entry.size = static_cast<uint64_t>(size);
  padding_ = -dataLeft_ % tarBlockBytes;
  if (header.type != 'S' && !paxSparse) return;
  if (header.type == 'S' && paxSparse) refuse(Refusal::malformed, "the file is sparse in two ways");
  NextBlock next = [this] { return requireBlock(); };
  SparseMap map =
      header.type == 'S' ? readGnuSparse(block, next) : readPaxSparse(*pending.pax->sparse, dataLeft_, next);
  dataLeft_ -= map.mapBytes;
  checkSparse(map, dataLeft_);
  entry.size = static_cast<uint64_t>(map.realSize);
  entry.sparse = std::move(map.pieces);
}

}  // namespace podrun
