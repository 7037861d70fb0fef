#pragma once

#include <string>

namespace podrun::cgroup {

/**
 * Restricts all processes below a cgroup2 directory to the devices every container has: null, zero, full,
 * random, urandom, tty, ptmx, pts. Nodes of others can be made, as under runc, but not opened. Does nothing
 * when it has been done before: the kernel keeps the program as long as the directory.
 */
void confineDevices(const std::string& directory);

}  // namespace podrun::cgroup
