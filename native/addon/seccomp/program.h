#pragma once

#include <linux/filter.h>

#include <vector>

#include "addon/seccomp/profile.h"

namespace podrun::seccomp {

/** The newest system call that a profile names, on one ABI. */
struct Newest {
  uint32_t architecture;  // SCMP_ARCH_*
  uint32_t number;
};

/**
 * What runs before the filter: a system call newer than all that the profile names fails with ENOSYS instead
 * of the profile's default. Its author can't have meant to forbid it, and C libraries fall back to the older
 * call on ENOSYS only (clone3, faccessat2 and openat2 each broke containers with EPERM when they were new).
 */
std::vector<sock_filter> newerThanKnown(const std::vector<Newest>& newest);

/** The profile as a program for seccomp(2). System calls that this libseccomp has no number for are passed
 * over. */
std::vector<sock_filter> compile(const Profile& profile);

}  // namespace podrun::seccomp
