#include "addon/cgroup/limits.h"

#include <algorithm>
#include <cmath>

#include "addon/cgroup/file.h"
#include "addon/napi/failure.h"

namespace podrun::cgroup {
namespace {

constexpr int64_t kDefaultPeriodUs = 100'000;
constexpr int64_t kLeastShares = 2;
constexpr int64_t kMostShares = 262'144;
constexpr int64_t kDefaultShares = 1024;

std::string text(int64_t value) {
  return std::to_string(value);
}

void writeCpuV2(const std::string& directory, const Limits& limits) {
  if (limits.cpuQuotaUs || limits.cpuPeriodUs) {
    writeFile(directory + "/cpu.max", (limits.cpuQuotaUs ? text(*limits.cpuQuotaUs) : "max") + " " +
                                          text(limits.cpuPeriodUs.value_or(kDefaultPeriodUs)));
  }
  if (limits.cpuShares) writeFile(directory + "/cpu.weight", text(weightOfShares(*limits.cpuShares)));
}

void writeCpuV1(const std::string& directory, const Limits& limits) {
  if (limits.cpuQuotaUs || limits.cpuPeriodUs) {
    const std::string quota = limits.cpuQuotaUs ? text(*limits.cpuQuotaUs) : "-1";
    const std::string period = text(limits.cpuPeriodUs.value_or(kDefaultPeriodUs));
    // Each write alone must leave a share that the parent's quota allows (sched-bwc.rst, "Hierarchical
    // considerations"): when the new period with the old quota is too much, the new quota with the old period
    // is not.
    if (!writeUnless(EINVAL, directory + "/cpu.cfs_period_us", period)) {
      writeFile(directory + "/cpu.cfs_quota_us", quota);
      writeFile(directory + "/cpu.cfs_period_us", period);
    } else {
      writeFile(directory + "/cpu.cfs_quota_us", quota);
    }
  }
  if (limits.cpuShares) {
    writeFile(directory + "/cpu.shares", text(std::clamp(*limits.cpuShares, kLeastShares, kMostShares)));
  }
}

void writeMemoryV2(const std::string& directory, const Limits& limits) {
  if (limits.memoryBytes) writeFile(directory + "/memory.max", text(*limits.memoryBytes));
  if (limits.noSwap) writeUnless(ENOENT, directory + "/memory.swap.max", "0");
  if (limits.oomGroup) writeFile(directory + "/memory.oom.group", "1");
}

void writeMemoryV1(const std::string& directory, const Limits& limits) {
  if (!limits.memoryBytes) return;
  const std::string bytes = text(*limits.memoryBytes);
  const std::string withSwap = directory + "/memory.memsw.limit_in_bytes";
  // memory.limit_in_bytes <= memory.memsw.limit_in_bytes must hold after each write (memory.rst, 2.4), so
  // raising beyond the latter begins with it.
  if (!writeUnless(EINVAL, directory + "/memory.limit_in_bytes", bytes)) {
    writeFile(withSwap, bytes);
    writeFile(directory + "/memory.limit_in_bytes", bytes);
  }
  if (limits.noSwap) writeUnless(ENOENT, withSwap, bytes);
}

}  // namespace

std::vector<std::string> Limits::controllers(const Layout& layout) const {
  std::vector<std::string> needed;
  if (cpuQuotaUs || cpuPeriodUs || cpuShares) needed.push_back("cpu");
  // The two flags refine a limit; alone they only mean something where v2 has a file for them.
  if (memoryBytes || ((noSwap || oomGroup) && layout.v2.contains("memory"))) needed.push_back("memory");
  if (pidsMax) needed.push_back("pids");
  return needed;
}

int64_t weightOfShares(int64_t shares) {
  if (shares <= kLeastShares) return 1;
  if (shares >= kMostShares) return 10'000;
  // Maps 2, 1024 and 262144 shares to weights 1, 100 and 10000, the defaults and ends of both ranges, on a
  // parabola in the exponent. The linear rule before it gave 1024 shares a weight of 39, less than a process
  // without any request.
  const double log = std::log2(static_cast<double>(shares));
  return static_cast<int64_t>(std::ceil(std::pow(10, (log * log + 125 * log) / 612.0 - 7.0 / 34.0)));
}

void writeLimits(const Layout& layout, const std::string& path, const Limits& limits) {
  for (const std::string& controller : limits.controllers(layout)) {
    const bool v2 = layout.v2.contains(controller);
    const std::string directory = (v2 ? layout.unified : layout.v1.at(controller)) + "/" + path;
    if (controller == "cpu") v2 ? writeCpuV2(directory, limits) : writeCpuV1(directory, limits);
    if (controller == "memory") v2 ? writeMemoryV2(directory, limits) : writeMemoryV1(directory, limits);
    if (controller == "pids") writeFile(directory + "/pids.max", text(*limits.pidsMax));
  }
}

bool limitsChildren(const std::string& controller, const std::string& directory) {
  if (controller == "cpu") {
    return readNumber(directory + "/cpu.cfs_quota_us").value_or(-1) >= 0 ||
           readNumber(directory + "/cpu.shares").value_or(kDefaultShares) != kDefaultShares;
  }
  if (controller == "memory") {
    // Without a limit the file holds the greatest page-aligned number, about 2^63.
    return readNumber(directory + "/memory.limit_in_bytes").value_or(INT64_MAX) < (int64_t{1} << 60);
  }
  return controller == "pids" && readNumber(directory + "/pids.max").has_value();  // "max" is no number
}

}  // namespace podrun::cgroup
