#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace podrun::cgroup {

// Files of cgroupfs: one write(2), one value. Failures are thrown as SysError with the path.

void writeFile(const std::string& path, const std::string& value);
/** False, and no error, when the kernel answers `expected`. */
bool writeUnless(int expected, const std::string& path, const std::string& value);

/** The content, or nothing when there is no such file. */
std::optional<std::string> readFile(const std::string& path);
std::optional<int64_t> readNumber(const std::string& path);
/** The number behind `key` in a file of "key value" lines. */
std::optional<int64_t> readKey(const std::string& path, const std::string& key);

}  // namespace podrun::cgroup
