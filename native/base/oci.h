#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

/**
 * The part of the OCI runtime spec (v1.2) that podrun runs, field for field as in config.json. Whatever is
 * not here is an error when it turns up in a config: a setting that is silently ignored is worse than one
 * that is refused.
 */
namespace podrun::oci {

struct Rlimit {
  int resource = 0;  // RLIMIT_*
  uint64_t soft = 0;
  uint64_t hard = 0;
};

struct User {
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t umask = 0022;
  std::vector<uint32_t> additionalGids;
};

/** Capability sets, bit n standing for capability n (linux/capability.h). */
struct Capabilities {
  uint64_t bounding = 0;
  uint64_t effective = 0;
  uint64_t permitted = 0;
  uint64_t inheritable = 0;
  uint64_t ambient = 0;
};

struct Process {
  bool terminal = false;
  uint16_t consoleWidth = 0;
  uint16_t consoleHeight = 0;
  User user;
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::string cwd;
  Capabilities capabilities;
  std::vector<Rlimit> rlimits;
  bool noNewPrivileges = false;
  std::optional<int> oomScoreAdj;
};

struct Mount {
  std::string destination;
  std::string type;  // bind, cgroup, or a filesystem: proc, sysfs, tmpfs, devpts, mqueue
  std::string source;
  std::vector<std::string> options;
};

enum class Propagation { private_, slave, shared };

struct Config {
  Process process;
  bool readonlyRoot = false;
  std::string hostname;
  std::vector<Mount> mounts;
  bool cgroupNamespace = false;
  std::vector<std::string> maskedPaths;
  std::vector<std::string> readonlyPaths;
  Propagation rootfsPropagation = Propagation::private_;
};

/** Reads a whole config.json; an error has `message` alone. */
Result<Config> parseConfig(std::string_view text);

/** Reads an OCI process object, as config.json and exec requests have it. */
void readProcess(json::Fields& fields, Process& process);

/** Name of a capability ("CAP_CHOWN") to its number, or -1. */
int capabilityNumber(std::string_view name);

}  // namespace podrun::oci
