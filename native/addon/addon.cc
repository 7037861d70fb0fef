#include <napi.h>

#include "addon/families.h"
#include "addon/napi/env.h"

namespace podrun {
namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  auto* data = new EnvData;
  data->completions = Completions::open(env);
  env.SetInstanceData(data);
  registerOwnedFd(env, exports);
  registerReap(env, exports);
  registerSpawn(env, exports);
  registerCgroup(env, exports);
  registerNetwork(env, exports);
  registerLock(env, exports);
  registerSeccomp(env, exports);
  registerUnpack(env, exports);
  return exports;
}

}  // namespace

std::shared_ptr<Completions> completionsOf(Napi::Env env) {
  return envData(env).completions;
}

}  // namespace podrun

namespace {
Napi::Object initAddon(Napi::Env env, Napi::Object exports) {
  return podrun::init(env, exports);
}
}  // namespace

NODE_API_MODULE(podrun, initAddon)
