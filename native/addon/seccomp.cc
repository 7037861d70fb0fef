#include <cstring>

#include "addon/families.h"
#include "addon/napi/args.h"
#include "addon/napi/worker.h"
#include "addon/seccomp/program.h"

namespace podrun {
namespace {

Napi::Value compileSeccomp(const Napi::CallbackInfo& info) {
  return runOnThread(
      info.Env(),
      [json = argument(info, 0, "profileJson").string()] {
        return seccomp::compile(seccomp::parseProfile(json));
      },
      [](Napi::Env env, const std::vector<sock_filter>& program) -> Napi::Value {
        const size_t size = program.size() * sizeof(sock_filter);
        Napi::Uint8Array bytes = Napi::Uint8Array::New(env, size);
        memcpy(bytes.Data(), program.data(), size);
        return bytes;
      });
}

}  // namespace

void registerSeccomp(Napi::Env, Napi::Object exports) {
  exportFunction<compileSeccomp>(exports, "compileSeccomp");
}

}  // namespace podrun
