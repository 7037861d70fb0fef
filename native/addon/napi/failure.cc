#include "addon/napi/failure.h"

#include <cstring>

namespace podrun {

Napi::Error toJs(Napi::Env env, const SysError& error) {
  char text[128];
  std::string message = error.step.empty() ? std::string() : error.step + ": ";
  message += error.syscall;
  if (!error.path.empty()) message += " " + error.path;
  // The GNU strerror_r: it may ignore the buffer, and knows every errno without a lock.
  message += std::string(": ") + strerror_r(error.error, text, sizeof text);
  Napi::Error thrown = Napi::Error::New(env, message);
  thrown.Set("errno", Napi::Number::New(env, error.error));
  thrown.Set("syscall", Napi::String::New(env, error.syscall));
  if (!error.path.empty()) thrown.Set("path", Napi::String::New(env, error.path));
  if (!error.step.empty()) thrown.Set("step", Napi::String::New(env, error.step));
  return thrown;
}

Napi::Error toJs(Napi::Env env, const CodedError& error) {
  if (error.code.empty()) return Napi::TypeError::New(env, error.message);
  Napi::Error thrown = Napi::Error::New(env, error.message);
  thrown.Set("code", Napi::String::New(env, error.code));
  if (!error.path.empty()) thrown.Set("path", Napi::String::New(env, error.path));
  return thrown;
}

}  // namespace podrun
