#include "addon/cgroup/file.h"

#include <fcntl.h>

#include <charconv>

#include "addon/napi/failure.h"
#include "base/fd.h"

namespace podrun::cgroup {
namespace {

/** Zero, or the errno; `syscall` says of what. */
int tryWrite(const std::string& path, const std::string& value, const char*& syscall) {
  syscall = "open";
  const unique_fd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return errno;
  syscall = "write";
  return write(fd.get(), value.data(), value.size()) < 0 ? errno : 0;
}

std::optional<int64_t> number(const char* begin, const char* end) {
  int64_t value = 0;
  if (std::from_chars(begin, end, value).ec != std::errc()) return std::nullopt;
  return value;
}

}  // namespace

void writeFile(const std::string& path, const std::string& value) {
  const char* syscall = nullptr;
  if (const int error = tryWrite(path, value, syscall); error != 0) throw SysError{error, syscall, path, {}};
}

bool writeUnless(int expected, const std::string& path, const std::string& value) {
  const char* syscall = nullptr;
  const int error = tryWrite(path, value, syscall);
  if (error != 0 && error != expected) throw SysError{error, syscall, path, {}};
  return error == 0;
}

std::optional<std::string> readFile(const std::string& path) {
  const unique_fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT) return std::nullopt;
    raise("open", path);
  }
  char text[8192];
  const ssize_t size = read(fd.get(), text, sizeof text);
  // ENODEV: the cgroup was removed after the open.
  if (size < 0 && errno == ENODEV) return std::nullopt;
  if (size < 0) raise("read", path);
  return std::string(text, static_cast<size_t>(size));
}

std::optional<int64_t> readNumber(const std::string& path) {
  const auto text = readFile(path);
  return text ? number(text->data(), text->data() + text->size()) : std::nullopt;
}

std::optional<int64_t> readKey(const std::string& path, const std::string& key) {
  const auto text = readFile(path);
  if (!text) return std::nullopt;
  const std::string label = key + " ";
  size_t at = text->starts_with(label) ? 0 : text->find("\n" + label);
  if (at == std::string::npos) return std::nullopt;
  at += label.size() + (at == 0 ? 0 : 1);
  return number(text->data() + at, text->data() + text->size());
}

}  // namespace podrun::cgroup
