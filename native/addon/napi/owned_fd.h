#pragma once

#include <napi.h>

#include "base/fd.h"

namespace podrun {

/** A descriptor as a JavaScript object with `fd` and `close()`; also closed when the object is collected. */
class OwnedFd final : public Napi::ObjectWrap<OwnedFd> {
 public:
  static Napi::Function define(Napi::Env env);
  static Napi::Object create(Napi::Env env, unique_fd fd);
  explicit OwnedFd(const Napi::CallbackInfo& info);

 private:
  Napi::Value fd(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  unique_fd fd_;
};

}  // namespace podrun
