#include "addon/cgroup/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <set>

#include "addon/cgroup/devices.h"
#include "addon/cgroup/file.h"
#include "addon/napi/failure.h"
#include "base/fd.h"

namespace podrun::cgroup {

std::string parentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

namespace {

constexpr int kParentTries = 10;

/** Directories made by one call, removed again in reverse unless kept. */
class MadeDirectories {
 public:
  MadeDirectories() = default;
  MadeDirectories(const MadeDirectories&) = delete;
  MadeDirectories& operator=(const MadeDirectories&) = delete;
  ~MadeDirectories() {
    for (auto made = made_.rbegin(); made != made_.rend(); ++made) rmdir(made->c_str());
  }

  void make(const std::string& mount, const std::string& path) {
    // The parents exist but for the first time, so from the end.
    const std::string directory = mount + "/" + path;
    // Who removes the last Pod removes the empty parents too, perhaps between our two calls: then again.
    for (int tries = 0; mkdir(directory.c_str(), 0755) != 0; ++tries) {
      if (errno == EEXIST) return;
      if (errno != ENOENT || parentOf(path).empty() || tries == kParentTries) raise("mkdir", directory);
      make(mount, parentOf(path));
    }
    made_.push_back(directory);
  }
  void keep() { made_.clear(); }

 private:
  std::vector<std::string> made_;
};

void checkSupported(const std::vector<std::string>& controllers) {
  for (const std::string& controller : controllers) {
    if (!layout().has(controller))
      throw SysError{ENOTSUP, "cgroup", controller, "no hierarchy has this controller"};
  }
}

/**
 * The v1 controllers whose directory `path` needs: those of its own limits, and those its parent is limited
 * in, since a process that stays outside would not be counted there.
 */
std::vector<std::string> v1Controllers(const std::string& path, const std::vector<std::string>& needed) {
  std::vector<std::string> found;
  const std::string parent = parentOf(path);
  for (const char* controller : {"cpu", "memory", "pids"}) {
    const auto mount = layout().v1.find(controller);
    if (mount == layout().v1.end()) continue;
    if (std::find(needed.begin(), needed.end(), controller) != needed.end() ||
        (!parent.empty() && limitsChildren(controller, mount->second + "/" + parent))) {
      found.push_back(controller);
    }
  }
  return found;
}

/** Enables v2 controllers in every ancestor, from the top: a child can only have what its parent passes on.
 */
void enableControllers(const std::string& path, const std::vector<std::string>& controllers) {
  std::string wanted;
  for (const std::string& controller : controllers) {
    if (layout().v2.contains(controller)) wanted += (wanted.empty() ? "+" : " +") + controller;
  }
  if (wanted.empty()) return;
  const std::string below = "/" + path;
  for (size_t end = 0; end != std::string::npos; end = below.find('/', end + 1)) {
    const std::string file = layout().unified + below.substr(0, end) + "/cgroup.subtree_control";
    std::string enabled = " " + readFile(file).value_or("") + " ";
    std::replace(enabled.begin(), enabled.end(), '\n', ' ');
    const bool all = std::all_of(controllers.begin(), controllers.end(), [&](const std::string& controller) {
      return !layout().v2.contains(controller) || enabled.find(" " + controller + " ") != std::string::npos;
    });
    // Reading is cheap; a write takes the lock that every fork and exit waits for.
    if (!all) writeFile(file, wanted);
  }
}

Created describe(const std::string& path, const std::vector<std::string>& v1,
                 const std::vector<std::string>& needed) {
  Created created;
  created.unified = layout().unified + "/" + path;
  for (const std::string& controller : v1) {
    const std::string tasks = layout().v1.at(controller) + "/" + path + "/tasks";
    if (std::find(created.tasks.begin(), created.tasks.end(), tasks) == created.tasks.end()) {
      created.tasks.push_back(tasks);
    }
    if (controller == "memory")
      created.oomEvents = layout().v1.at(controller) + "/" + path + "/memory.oom_control";
  }
  if (layout().v2.contains("memory") && std::find(needed.begin(), needed.end(), "memory") != needed.end()) {
    created.oomEvents = created.unified + "/memory.events";
  }
  return created;
}

/** A frozen v1 cgroup does not even let its processes die. */
void thaw(const std::string& path) {
  const auto freezer = layout().v1.find("freezer");
  if (freezer == layout().v1.end()) return;
  writeUnless(ENOENT, freezer->second + "/" + path + "/freezer.state", "THAWED");
  for (const std::string& child : list(path)) thaw(path + "/" + child);
}

}  // namespace

Created create(const std::string& path, const Limits& limits) {
  const auto needed = limits.controllers(layout());
  checkSupported(needed);
  const auto v1 = v1Controllers(path, needed);
  MadeDirectories made;
  made.make(layout().unified, path);
  confineDevices(layout().unified + "/" + path.substr(0, path.find('/')));
  for (const std::string& controller : v1) made.make(layout().v1.at(controller), path);
  enableControllers(path, needed);
  writeLimits(layout(), path, limits);
  made.keep();
  return describe(path, v1, needed);
}

Created update(const std::string& path, const Limits& limits) {
  const auto needed = limits.controllers(layout());
  checkSupported(needed);
  enableControllers(path, needed);
  writeLimits(layout(), path, limits);
  return describe(path, v1Controllers(path, needed), needed);
}

Stat stat(const std::string& path) {
  const std::string unified = layout().unified + "/" + path;
  const auto populated = readKey(unified + "/cgroup.events", "populated");
  if (!populated) throw SysError{ENOENT, "open", unified, {}};
  Stat stat;
  stat.populated = *populated != 0;
  // Also without the cpu controller: every v2 cgroup counts its time (cgroup-v2.rst, "cpu.stat").
  stat.cpuUsageUs = readKey(unified + "/cpu.stat", "usage_usec").value_or(0);
  if (layout().v2.contains("memory")) {
    stat.memoryBytes = readNumber(unified + "/memory.current").value_or(0);
    stat.oomKills = readKey(unified + "/memory.events", "oom_kill").value_or(0);
  } else if (layout().v1.contains("memory")) {
    const std::string memory = layout().v1.at("memory") + "/" + path;
    stat.memoryBytes = readNumber(memory + "/memory.usage_in_bytes").value_or(0);
    stat.oomKills = readKey(memory + "/memory.oom_control", "oom_kill").value_or(0);
  }
  return stat;
}

void kill(const std::string& path) {
  const std::string unified = layout().unified + "/" + path;
  const unique_fd directory(open(unified.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory && errno == ENOENT) return;
  if (!directory) raise("open", unified);
  const unique_fd file(openat(directory.get(), "cgroup.kill", O_WRONLY | O_CLOEXEC));
  // ENOENT or ENODEV when the cgroup went away meanwhile. A kernel before 5.14 has no such file; podrun
  // needs 5.14.
  if (!file && errno != ENOENT && errno != ENODEV) raise("open", unified + "/cgroup.kill");
  if (file && write(file.get(), "1", 1) < 0 && errno != ENODEV) raise("write", unified + "/cgroup.kill");
  // Afterwards, so that nothing runs between thawing and dying.
  thaw(path);
}

std::vector<std::string> list(const std::string& path) {
  std::set<std::string> names;
  for (const std::string& mount : layout().mounts()) {
    const std::string directory = mount + "/" + path;
    const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir(directory.c_str()), closedir);
    if (!open) {
      if (errno == ENOENT) continue;
      raise("opendir", directory);
    }
    while (const dirent* entry = readdir(open.get())) {
      if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.insert(entry->d_name);
    }
  }
  return {names.begin(), names.end()};
}

}  // namespace podrun::cgroup
