#include "init/privileges.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "base/fd.h"

namespace podrun {
namespace {

struct Sets {
  uint64_t effective = 0;
  uint64_t permitted = 0;
  uint64_t inheritable = 0;
};

Result<Sets> readSets() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return SysError::last("capget");
  const auto whole = [](uint32_t low, uint32_t high) { return low | uint64_t{high} << 32; };
  return Sets{whole(data[0].effective, data[1].effective), whole(data[0].permitted, data[1].permitted),
              whole(data[0].inheritable, data[1].inheritable)};
}

Status writeSets(const Sets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  for (int half = 0; half < 2; half++) {
    data[half].effective = static_cast<uint32_t>(sets.effective >> (32 * half));
    data[half].permitted = static_cast<uint32_t>(sets.permitted >> (32 * half));
    data[half].inheritable = static_cast<uint32_t>(sets.inheritable >> (32 * half));
  }
  if (syscall(SYS_capset, &header, data) != 0) return SysError::last("capset");
  return Done{};
}

}  // namespace

Status setRlimits(const std::vector<oci::Rlimit>& limits) {
  for (const oci::Rlimit& limit : limits) {
    rlimit value{limit.soft, limit.hard};
    if (setrlimit(static_cast<__rlimit_resource>(limit.resource), &value) == 0) continue;
    if (errno != EPERM) return SysError::last("setrlimit");
    rlimit ours;
    if (getrlimit(static_cast<__rlimit_resource>(limit.resource), &ours) != 0)
      return SysError::last("getrlimit");
    value.rlim_max = std::min(value.rlim_max, ours.rlim_max);
    value.rlim_cur = std::min(value.rlim_cur, value.rlim_max);
    if (setrlimit(static_cast<__rlimit_resource>(limit.resource), &value) != 0)
      return SysError::last("setrlimit");
  }
  return Done{};
}

Status setOomScore(const oci::Process& process) {
  if (!process.oomScoreAdj) return Done{};
  const char* path = "/proc/self/oom_score_adj";
  unique_fd fd(open(path, O_WRONLY | O_CLOEXEC));
  if (!fd) return SysError::last("open", path);
  char text[16];
  const int length = snprintf(text, sizeof(text), "%d", *process.oomScoreAdj);
  if (write(fd.get(), text, static_cast<size_t>(length)) < 0 && errno != EACCES && errno != EPERM) {
    return SysError::last("write", path);
  }
  return Done{};
}

Status limitBoundingSet(const oci::Capabilities& capabilities) {
  for (unsigned number = 0; number < 64; number++) {
    const int held = prctl(PR_CAPBSET_READ, number, 0, 0, 0);
    if (held < 0) break;  // EINVAL: the kernel knows no more
    if (held == 0 || (capabilities.bounding >> number & 1) != 0) continue;
    if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0) return SysError::last("prctl(PR_CAPBSET_DROP)");
  }
  return Done{};
}

Status becomeUser(const oci::User& user) {
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return SysError::last("prctl(PR_SET_KEEPCAPS)");
  // Plain system calls: the C library's functions concern all threads of a process, and there is one.
  if (syscall(SYS_setgroups, user.additionalGids.size(), user.additionalGids.data()) != 0)
    return SysError::last("setgroups");
  if (syscall(SYS_setresgid, user.gid, user.gid, user.gid) != 0) return SysError::last("setresgid");
  if (syscall(SYS_setresuid, user.uid, user.uid, user.uid) != 0) return SysError::last("setresuid");
  umask(user.umask);
  Result<Sets> sets = readSets();
  if (!sets) return std::move(sets.error());
  sets->effective = sets->permitted;
  return writeSets(*sets);
}

Status setCapabilities(const oci::Capabilities& capabilities) {
  Result<Sets> held = readSets();
  if (!held) return std::move(held.error());
  Sets sets;
  sets.permitted = capabilities.permitted & held->permitted;
  sets.effective = capabilities.effective & sets.permitted;
  sets.inheritable = capabilities.inheritable & held->permitted;
  if (Status written = writeSets(sets); !written) return written;
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
    return SysError::last("prctl(PR_CAP_AMBIENT)");
  for (unsigned number = 0; number < 64; number++) {
    if ((capabilities.ambient >> number & 1) == 0) continue;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) != 0)
      return SysError::last("prctl(PR_CAP_AMBIENT)");
  }
  return Done{};
}

}  // namespace podrun
