#include "addon/tar/pax.h"

#include <algorithm>
#include <charconv>

#include "addon/layer_error.h"

namespace podrun {
namespace {

/** XATTR_SIZE_MAX of linux/limits.h. */
constexpr size_t xattrBytesMax = 65536;
constexpr size_t xattrsMax = 1024;

[[noreturn]] void badRecord(std::string_view key, const char* reason) {
  refuse(Refusal::malformed, "the PAX record " + std::string(key) + " " + reason);
}

int64_t paxInteger(std::string_view key, std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) badRecord(key, "is not a number");
  return value;
}

/** "-1.5" is half a second before -1: the fraction counts away from zero, tv_nsec always upwards. */
timespec paxTime(std::string_view key, std::string_view text) {
  size_t dot = text.find('.');
  bool negative = text.starts_with('-');
  timespec time = {};
  time.tv_sec = paxInteger(key, text.substr(0, dot));
  if (dot == std::string_view::npos) return time;
  std::string_view fraction = text.substr(dot + 1);
  long scale = 100'000'000;
  for (char digit : fraction) {
    if (digit < '0' || digit > '9') badRecord(key, "is not a time");
    time.tv_nsec += (digit - '0') * scale;
    scale /= 10;
  }
  if (negative && time.tv_nsec > 0) {
    if (time.tv_sec == INT64_MIN) badRecord(key, "is not a time");
    time.tv_sec -= 1;
    time.tv_nsec = 1'000'000'000 - time.tv_nsec;
  }
  return time;
}

std::string paxName(std::string_view key, std::string_view value) {
  if (value.find('\0') != std::string_view::npos) badRecord(key, "contains a NUL");
  return std::string(value);
}

int base64Digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

std::string decodeBase64(std::string_view key, std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string bytes;
  uint32_t bits = 0;
  int held = 0;
  for (char c : text) {
    int digit = base64Digit(c);
    if (digit < 0) badRecord(key, "is not base64");
    bits = bits << 6 | static_cast<uint32_t>(digit);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes += static_cast<char>(bits >> held & 0xff);
  }
  return bytes;
}

/** libarchive writes attribute names percent-encoded. */
std::string decodePercent(std::string_view key, std::string_view text) {
  std::string name;
  for (size_t i = 0; i < text.size(); i += 1) {
    if (text[i] != '%') {
      name += text[i];
      continue;
    }
    unsigned value = 0;
    const char* first = text.data() + i + 1;
    if (i + 2 >= text.size() || std::from_chars(first, first + 2, value, 16).ptr != first + 2) {
      badRecord(key, "is not percent-encoded");
    }
    name += static_cast<char>(value);
    i += 2;
  }
  return name;
}

void addXattr(PaxRecords& records, std::string_view key, std::string name, std::string value, bool override) {
  if (name.empty() || name.find('\0') != std::string::npos) badRecord(key, "has no valid attribute name");
  if (value.size() > xattrBytesMax) refuse(Refusal::limit, "the attribute " + name + " is past 64 KiB");
  if (records.xattrs.size() >= xattrsMax) refuse(Refusal::limit, "there are more than 1024 attributes");
  auto known = std::find_if(records.xattrs.begin(), records.xattrs.end(),
                            [&](const Xattr& xattr) { return xattr.name == name; });
  if (known == records.xattrs.end()) {
    records.xattrs.push_back({std::move(name), std::move(value)});
  } else if (override) {
    known->value = std::move(value);
  }
}

void readSparseMap(PaxRecords::Sparse& sparse, std::string_view key, std::string_view value) {
  while (!value.empty()) {
    size_t comma = std::min(value.find(','), value.size());
    sparse.numbers.push_back(paxInteger(key, value.substr(0, comma)));
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
}

/** True when `key` is one of GNU tar's sparse records. */
bool readSparse(PaxRecords& records, std::string_view key, std::string_view value) {
  constexpr std::string_view prefix = "GNU.sparse.";
  if (!key.starts_with(prefix)) return false;
  if (!records.sparse) records.sparse.emplace();
  PaxRecords::Sparse& sparse = *records.sparse;
  std::string_view name = key.substr(prefix.size());
  if (name == "major") {
    sparse.version = paxName(key, value);
  } else if (name == "name") {
    sparse.name = paxName(key, value);
  } else if (name == "size" || name == "realsize") {
    sparse.realSize = paxInteger(key, value);
  } else if (name == "offset" || name == "numbytes") {
    sparse.numbers.push_back(paxInteger(key, value));
  } else if (name == "map") {
    readSparseMap(sparse, key, value);
  } else if (name != "minor" && name != "numblocks") {
    refuse(Refusal::unsupported, "the sparse record " + std::string(key) + " is not known");
  }
  return true;
}

void readRecord(PaxRecords& records, std::string_view key, std::string_view value) {
  constexpr std::string_view schily = "SCHILY.xattr.";
  constexpr std::string_view libarchive = "LIBARCHIVE.xattr.";
  if (key.starts_with(schily)) {
    addXattr(records, key, std::string(key.substr(schily.size())), std::string(value), true);
    return;
  }
  // bsdtar writes each attribute in both forms; the exact bytes win.
  if (key.starts_with(libarchive)) {
    addXattr(records, key, decodePercent(key, key.substr(libarchive.size())), decodeBase64(key, value),
             false);
    return;
  }
  // "A zero-length value deletes any header value of the same keyword": the plain header counts again.
  if (value.empty()) return;
  if (key == "path") {
    records.path = paxName(key, value);
  } else if (key == "linkpath") {
    records.linkPath = paxName(key, value);
  } else if (key == "size") {
    records.size = paxInteger(key, value);
  } else if (key == "uid") {
    records.uid = paxInteger(key, value);
  } else if (key == "gid") {
    records.gid = paxInteger(key, value);
  } else if (key == "mtime") {
    records.mtime = paxTime(key, value);
  } else {
    // Comments, names of users (numbers alone count here), atime, ctime, vendors' own keys.
    readSparse(records, key, value);
  }
}

}  // namespace

PaxRecords parsePax(std::string_view data) {
  PaxRecords records;
  while (!data.empty()) {
    size_t length = 0;
    auto [end, error] = std::from_chars(data.data(), data.data() + data.size(), length);
    auto digits = static_cast<size_t>(end - data.data());
    if (error != std::errc{} || digits >= data.size() || *end != ' ' || length > data.size() ||
        length < digits + 2 || data[length - 1] != '\n') {
      refuse(Refusal::malformed, "a PAX record has a wrong length");
    }
    std::string_view record = data.substr(digits + 1, length - digits - 2);
    size_t equals = record.find('=');
    if (equals == std::string_view::npos || equals == 0)
      refuse(Refusal::malformed, "a PAX record has no key");
    std::string_view key = record.substr(0, equals);
    if (key.find('\0') != std::string_view::npos) refuse(Refusal::malformed, "a PAX key contains a NUL");
    readRecord(records, key, record.substr(equals + 1));
    data.remove_prefix(length);
  }
  return records;
}

bool changesContent(const PaxRecords& records) {
  return records.path || records.linkPath || records.size || records.sparse || !records.xattrs.empty();
}

}  // namespace podrun
