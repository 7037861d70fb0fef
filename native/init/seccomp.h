#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace podrun {

/** A compiled filter: an array of struct sock_filter as the kernel takes it. */
struct SeccompProgram {
  std::string bytes;
};

/** Reads a filter; "" is none. */
Result<SeccompProgram> readSeccomp(const std::string& path);

/** Loads it into the calling thread, which needs no_new_privs or CAP_SYS_ADMIN (seccomp(2)). */
Status loadSeccomp(const SeccompProgram& program);

}  // namespace podrun
