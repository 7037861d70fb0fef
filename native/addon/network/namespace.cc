#include "addon/network/namespace.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "addon/napi/failure.h"

namespace podrun::network {
namespace {

// Where a sandbox keeps them: see native/sandbox/PROTOCOL.md, holdFds.
constexpr int kSpaceFd = 4;
constexpr int kRulesFd = 5;

bool isNetworkNamespace(const unique_fd& fd) {
  return ioctl(fd.get(), NS_GET_NSTYPE) == CLONE_NEWNET;
}

bool isNetfilterSocket(const unique_fd& fd) {
  int domain = 0;
  int protocol = 0;
  socklen_t size = sizeof domain;
  return getsockopt(fd.get(), SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_NETLINK &&
         getsockopt(fd.get(), SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
         protocol == NETLINK_NETFILTER;
}

/** pidfd_getfd(2), Linux 5.6. No descriptor when the process or its descriptor is gone. */
unique_fd copyOf(const unique_fd& process, int number, pid_t pid) {
  unique_fd fd(static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), number, 0)));
  // Not the same as gone: a second hub beside the living one would only fail later, and less plainly.
  if (!fd && errno != EBADF && errno != ESRCH)
    raise("pidfd_getfd", std::to_string(pid), "find the Pods' network");
  return fd;
}

}  // namespace

unique_fd namespaceOfThread() {
  unique_fd space(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!space) raise("open", "/proc/thread-self/ns/net");
  return space;
}

unique_fd namespaceOf(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/ns/net";
  unique_fd space(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!space) raise("open", path);
  return space;
}

void enter(const unique_fd& space) {
  if (setns(space.get(), CLONE_NEWNET) != 0) raise("setns", "network namespace");
}

unique_fd enterNew() {
  if (unshare(CLONE_NEWNET) != 0) raise("unshare", "network namespace");
  return namespaceOfThread();
}

unique_fd openSetting(const std::string& name, int flags) {
  const std::string path = "/proc/sys/net/" + name;
  unique_fd file(open(path.c_str(), flags | O_CLOEXEC));
  if (!file) raise("open", path);
  return file;
}

void writeSetting(const std::string& name, const std::string& value) {
  const unique_fd file = openSetting(name, O_WRONLY);
  if (write(file.get(), value.data(), value.size()) < 0) raise("write", "/proc/sys/net/" + name);
}

std::optional<HubHandles> handlesOf(const std::vector<pid_t>& sandboxes) {
  for (const pid_t pid : sandboxes) {
    const unique_fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!process) continue;
    HubHandles handles{copyOf(process, kSpaceFd, pid), copyOf(process, kRulesFd, pid)};
    if (handles.space && handles.rules && isNetworkNamespace(handles.space) &&
        isNetfilterSocket(handles.rules)) {
      return handles;
    }
  }
  return std::nullopt;
}

}  // namespace podrun::network
