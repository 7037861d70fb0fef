#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"

namespace podrun::network {

// All of this changes the calling thread's network namespace, so it belongs on a thread that ends afterwards.

unique_fd namespaceOfThread();
unique_fd namespaceOf(pid_t pid);
void enter(const unique_fd& space);
/** unshare(CLONE_NEWNET): the thread is then in a new, empty namespace. */
unique_fd enterNew();

/** A file below /proc/sys/net, which shows the settings of the namespace that the opening thread is in. */
unique_fd openSetting(const std::string& name, int flags);
void writeSetting(const std::string& name, const std::string& value);

/** What a sandbox holds for all: the hub's namespace and the netlink socket that owns the table of rules. */
struct HubHandles {
  unique_fd space;
  unique_fd rules;
};

/** Copies of the handles from the first of these sandboxes that has them. */
std::optional<HubHandles> handlesOf(const std::vector<pid_t>& sandboxes);

}  // namespace podrun::network
