#pragma once

#include <napi.h>

#include <memory>

#include "addon/napi/worker.h"

namespace podrun {

/** What the addon keeps per environment; nothing of JavaScript is static, so that each Worker has its own. */
struct EnvData {
  std::shared_ptr<Completions> completions;
  Napi::FunctionReference ownedFd;
  Napi::FunctionReference pidfd;
};

inline EnvData& envData(Napi::Env env) {
  return *env.GetInstanceData<EnvData>();
}

}  // namespace podrun
