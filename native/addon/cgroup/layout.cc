#include "addon/cgroup/layout.h"

#include <algorithm>
#include <fstream>
#include <mutex>
#include <optional>
#include <sstream>

#include "addon/napi/failure.h"

namespace podrun::cgroup {
namespace {

constexpr const char* kV1Controllers[] = {"cpu",  "cpuacct", "cpuset",  "memory",
                                          "pids", "blkio",   "hugetlb", "freezer"};

struct Mount {
  std::string root;
  std::string point;
  std::string type;
  std::string options;  // of the superblock: the controllers, on v1
};

/** One line of proc_pid_mountinfo(5). */
Mount parseMount(const std::string& line) {
  std::istringstream fields(line);
  std::string skipped;
  Mount mount;
  fields >> skipped >> skipped >> skipped >> mount.root >> mount.point;
  while (fields >> skipped && skipped != "-") {
  }
  fields >> mount.type >> skipped >> mount.options;
  return mount;
}

std::set<std::string> words(std::istream&& text, char separator) {
  std::set<std::string> found;
  std::string word;
  while (std::getline(text, word, separator)) {
    word.erase(word.find_last_not_of(" \n") + 1);
    if (!word.empty()) found.insert(word);
  }
  return found;
}

Layout read() {
  std::ifstream mountinfo("/proc/self/mountinfo");
  if (!mountinfo) raise("open", "/proc/self/mountinfo");
  Layout layout;
  for (std::string line; std::getline(mountinfo, line);) {
    const Mount mount = parseMount(line);
    // A part of a hierarchy bound somewhere else is not where paths "below the root" are.
    if (mount.root != "/") continue;
    if (mount.type == "cgroup2" && layout.unified.empty()) layout.unified = mount.point;
    if (mount.type != "cgroup") continue;
    const auto options = words(std::istringstream(mount.options), ',');
    for (const char* controller : kV1Controllers) {
      if (options.contains(controller)) layout.v1.emplace(controller, mount.point);
    }
  }
  if (layout.unified.empty()) throw SysError{ENOTSUP, "open", "cgroup2", "no cgroup2 hierarchy is mounted"};
  layout.v2 = words(std::ifstream(layout.unified + "/cgroup.controllers"), ' ');
  layout.hybrid = !layout.v1.empty();
  return layout;
}

}  // namespace

std::vector<std::string> Layout::mounts() const {
  std::vector<std::string> all{unified};
  for (const auto& [controller, mount] : v1) {
    if (std::find(all.begin(), all.end(), mount) == all.end()) all.push_back(mount);
  }
  return all;
}

std::vector<std::string> Layout::controllers() const {
  std::vector<std::string> usable;
  for (const char* name : {"cpu", "memory", "pids", "cpuset", "io", "hugetlb"}) {
    if (has(name) || (std::string(name) == "io" && v1.contains("blkio"))) usable.push_back(name);
  }
  return usable;
}

const Layout& layout() {
  static std::mutex mutex;
  static std::optional<Layout> known;
  const std::lock_guard lock(mutex);
  if (!known) known = read();
  return *known;
}

}  // namespace podrun::cgroup
