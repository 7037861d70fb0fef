#pragma once

#include <optional>
#include <string>
#include <vector>

#include "addon/cgroup/limits.h"

namespace podrun::cgroup {

// A cgroup is named by its path below the root of every hierarchy. Which of them it has a directory in
// depends on its limits: always the unified one, and the v1 hierarchies of the controllers that count for it.

struct Created {
  std::string unified;
  std::vector<std::string> tasks;
  std::optional<std::string> oomEvents;
};

struct Stat {
  int64_t cpuUsageUs = 0;
  int64_t memoryBytes = 0;
  int64_t oomKills = 0;
  bool populated = false;
};

/** Makes the directories that are missing and writes the limits; what it made is removed again when that
 * fails. */
Created create(const std::string& path, const Limits& limits);
Created update(const std::string& path, const Limits& limits);
Stat stat(const std::string& path);
void kill(const std::string& path);
/** Blocks until nothing runs below `path`, 10 s at most; then parents that are empty now go as well. */
void remove(const std::string& path);
/** "" for a path of one component. */
std::string parentOf(const std::string& path);
std::vector<std::string> list(const std::string& path);

}  // namespace podrun::cgroup
