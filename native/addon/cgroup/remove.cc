#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <thread>

#include "addon/cgroup/file.h"
#include "addon/cgroup/tree.h"
#include "addon/napi/failure.h"
#include "base/fd.h"

namespace podrun::cgroup {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr auto kEmptyTimeout = std::chrono::seconds(10);
constexpr auto kLagTimeout = std::chrono::seconds(1);

bool isGone(int error) {
  return error == ENOENT || error == ENODEV;
}

/** Removes a directory and those below it, the deepest first. False when something still runs in one (EBUSY).
 */
bool removeSubtree(const std::string& directory) {
  // Mostly there is nothing below, so that the first attempt is all.
  if (rmdir(directory.c_str()) == 0 || isGone(errno)) return true;
  if (errno != EBUSY && errno != ENOTEMPTY) raise("rmdir", directory);
  {
    const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir(directory.c_str()), closedir);
    if (!open && isGone(errno)) return true;
    if (!open) raise("opendir", directory);
    while (const dirent* entry = readdir(open.get())) {
      if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
          !removeSubtree(directory + "/" + entry->d_name)) {
        return false;
      }
    }
  }
  if (rmdir(directory.c_str()) == 0 || isGone(errno)) return true;
  if (errno != EBUSY) raise("rmdir", directory);
  return false;
}

/** Waits for "populated 0": kernfs notifies pollers of cgroup.events by POLLPRI (cgroup-v2.rst, 2.3). */
void waitEmpty(const std::string& directory, Clock::time_point deadline) {
  const std::string path = directory + "/cgroup.events";
  const unique_fd events(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!events && isGone(errno)) return;
  if (!events) raise("open", path);
  for (;;) {
    char text[256];
    // Reading arms the next notification.
    const ssize_t size = pread(events.get(), text, sizeof text, 0);
    if (size < 0 && isGone(errno)) return;
    if (size < 0) raise("read", path);
    if (std::string_view(text, static_cast<size_t>(size)).find("populated 0") != std::string_view::npos)
      return;
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) throw SysError{EBUSY, "rmdir", directory, "processes still run in the cgroup"};
    pollfd wait{events.get(), POLLPRI, 0};
    if (poll(&wait, 1, static_cast<int>(left)) < 0 && errno != EINTR) raise("poll", path);
  }
}

/**
 * For what the kernel does not announce: a task that leaves its cgroups has left all hierarchies at once, but
 * another may be passing through (a fork that fails), and v1 has no cgroup.events.
 */
void removeLagging(const std::string& directory) {
  const auto deadline = Clock::now() + kLagTimeout;
  for (auto pause = milliseconds(1); !removeSubtree(directory); pause *= 2) {
    if (Clock::now() + pause > deadline)
      throw SysError{EBUSY, "rmdir", directory, "processes still run in the cgroup"};
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace

void remove(const std::string& path) {
  const auto mounts = layout().mounts();
  const std::string unified = mounts.front() + "/" + path;
  if (!removeSubtree(unified)) {
    waitEmpty(unified, Clock::now() + kEmptyTimeout);
    removeLagging(unified);
  }
  for (size_t i = 1; i < mounts.size(); ++i) removeLagging(mounts[i] + "/" + path);
  // EBUSY where another Pod is: then it stays.
  for (std::string parent = parentOf(path); !parent.empty(); parent = parentOf(parent)) {
    for (const std::string& mount : mounts) rmdir((mount + "/" + parent).c_str());
  }
}

}  // namespace podrun::cgroup
