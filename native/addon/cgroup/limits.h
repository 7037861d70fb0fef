#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "addon/cgroup/layout.h"

namespace podrun::cgroup {

/** `CgroupLimits` of addon.d.ts. */
struct Limits {
  std::optional<int64_t> cpuQuotaUs;
  std::optional<int64_t> cpuPeriodUs;
  std::optional<int64_t> cpuShares;
  std::optional<int64_t> memoryBytes;
  bool noSwap = false;
  bool oomGroup = false;
  std::optional<int64_t> pidsMax;

  /** The controllers these limits can't do without. */
  std::vector<std::string> controllers(const Layout& layout) const;
};

/** cpu.weight for v1 cpu.shares. */
int64_t weightOfShares(int64_t shares);

/** Writes the limits into the existing directories of `path`. */
void writeLimits(const Layout& layout, const std::string& path, const Limits& limits);

/** Whether the v1 cgroup at `directory` has a limit of this controller that its children have to be counted
 * in. */
bool limitsChildren(const std::string& controller, const std::string& directory);

}  // namespace podrun::cgroup
