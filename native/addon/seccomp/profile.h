#pragma once

#include <seccomp.h>

#include <cstdint>
#include <string>
#include <vector>

namespace podrun::seccomp {

struct Rule {
  std::vector<std::string> names;
  uint32_t action = 0;
  std::vector<scmp_arg_cmp> args;
};

/** `linux.seccomp` of the OCI runtime spec (config-linux.md#seccomp), with actions as SCMP_ACT_* values. */
struct Profile {
  uint32_t defaultAction = 0;
  std::vector<std::string> architectures;  // as libseccomp calls them: "x86_64"
  std::vector<Rule> rules;
};

/** Fields that the spec does not have are passed over, as containerd does with profiles of the node. */
Profile parseProfile(const std::string& json);

}  // namespace podrun::seccomp
