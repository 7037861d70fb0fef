#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace podrun::cgroup {

/** Where the machine mounts its cgroup hierarchies. */
struct Layout {
  bool hybrid = false;
  std::string unified;                    // mount point of cgroup2
  std::map<std::string, std::string> v1;  // controller -> mount point of its hierarchy
  std::set<std::string> v2;               // controllers of the unified hierarchy

  bool has(const std::string& controller) const { return v1.contains(controller) || v2.contains(controller); }
  /** Each hierarchy once: the unified one first, then v1 (where one may have several controllers, as in
   * "cpu,cpuacct"). */
  std::vector<std::string> mounts() const;
  /** What limits can be set with, by its name in v2: blkio is called io. */
  std::vector<std::string> controllers() const;
};

/** Read on first use, then kept: hierarchies are not remounted under running containers. */
const Layout& layout();

}  // namespace podrun::cgroup
