#include "addon/cgroup/tree.h"
#include "addon/families.h"
#include "addon/napi/args.h"
#include "addon/napi/worker.h"

namespace podrun {
namespace {

/**
 * A path of which every component is a plain name and the first begins with "podrun": whatever is passed,
 * nothing of another program's is written to, killed or removed.
 */
std::string ownPath(const Argument& argument) {
  const std::string path = argument.string();
  const char* expected = "a relative path below a cgroup whose name begins with \"podrun\"";
  if (!path.starts_with("podrun")) argument.fail(expected);
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    // A name that begins with a dot can be "." or "..", and none of ours does.
    if (end == begin || path[begin] == '.') argument.fail(expected);
    begin = end + 1;
  }
  return path;
}

cgroup::Limits limitsOf(const Argument& limits) {
  if (limits.missing()) return {};
  return {
      .cpuQuotaUs = limits["cpuQuotaUs"].optionalInteger(1, kMaxSafeInteger),
      .cpuPeriodUs = limits["cpuPeriodUs"].optionalInteger(1, kMaxSafeInteger),
      .cpuShares = limits["cpuShares"].optionalInteger(0, kMaxSafeInteger),
      .memoryBytes = limits["memoryBytes"].optionalInteger(0, kMaxSafeInteger),
      .noSwap = limits["noSwap"].booleanOr(false),
      .oomGroup = limits["oomGroup"].booleanOr(false),
      .pidsMax = limits["pidsMax"].optionalInteger(0, kMaxSafeInteger),
  };
}

Napi::Array strings(Napi::Env env, const std::vector<std::string>& values) {
  Napi::Array array = Napi::Array::New(env, values.size());
  for (uint32_t i = 0; i < values.size(); ++i) array.Set(i, values[i]);
  return array;
}

Napi::Value toJs(Napi::Env env, const cgroup::Created& created) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("unified", created.unified);
  object.Set("tasks", strings(env, created.tasks));
  if (created.oomEvents) object.Set("oomEvents", *created.oomEvents);
  return object;
}

Napi::Value cgroupLayout(const Napi::CallbackInfo& info) {
  const cgroup::Layout& layout = cgroup::layout();
  Napi::Object v1 = Napi::Object::New(info.Env());
  for (const auto& [controller, mount] : layout.v1) v1.Set(controller, mount);
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("mode", layout.hybrid ? "hybrid" : "v2");
  object.Set("unified", layout.unified);
  object.Set("v1", v1);
  object.Set("controllers", strings(info.Env(), layout.controllers()));
  return object;
}

Napi::Value cgroupCreate(const Napi::CallbackInfo& info) {
  const Argument options = argument(info, 0, "options");
  return toJs(info.Env(), cgroup::create(ownPath(options["path"]), limitsOf(options["limits"])));
}

Napi::Value cgroupUpdate(const Napi::CallbackInfo& info) {
  const Argument options = argument(info, 0, "options");
  return toJs(info.Env(), cgroup::update(ownPath(options["path"]), limitsOf(options["limits"])));
}

Napi::Value cgroupStat(const Napi::CallbackInfo& info) {
  const cgroup::Stat stat = cgroup::stat(ownPath(argument(info, 0, "path")));
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("cpuUsageUs", static_cast<double>(stat.cpuUsageUs));
  object.Set("memoryBytes", static_cast<double>(stat.memoryBytes));
  object.Set("oomKills", static_cast<double>(stat.oomKills));
  object.Set("populated", stat.populated);
  return object;
}

Napi::Value cgroupKill(const Napi::CallbackInfo& info) {
  cgroup::kill(ownPath(argument(info, 0, "path")));
  return info.Env().Undefined();
}

Napi::Value cgroupRemove(const Napi::CallbackInfo& info) {
  const std::string path = ownPath(argument(info, 0, "path"));
  return runOnThread(
      info.Env(),
      [path] {
        cgroup::remove(path);
        return Done{};
      },
      toUndefined);
}

Napi::Value cgroupList(const Napi::CallbackInfo& info) {
  return strings(info.Env(), cgroup::list(ownPath(argument(info, 0, "path"))));
}

}  // namespace

void registerCgroup(Napi::Env, Napi::Object exports) {
  exportFunction<cgroupLayout>(exports, "cgroupLayout");
  exportFunction<cgroupCreate>(exports, "cgroupCreate");
  exportFunction<cgroupUpdate>(exports, "cgroupUpdate");
  exportFunction<cgroupStat>(exports, "cgroupStat");
  exportFunction<cgroupKill>(exports, "cgroupKill");
  exportFunction<cgroupRemove>(exports, "cgroupRemove");
  exportFunction<cgroupList>(exports, "cgroupList");
}

}  // namespace podrun
