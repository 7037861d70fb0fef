#pragma once

#include <napi.h>

#include <string>

#include "base/error.h"

namespace podrun {

/** A failure that is not the kernel's: becomes an Error with `code`, or a TypeError when `code` is empty. */
struct CodedError {
  std::string code;
  std::string message;
  std::string path;
};

/** Throws the calling thread's errno as a SysError. Allowed in the addon only: the sandbox is built without
 * exceptions. */
[[noreturn]] inline void raise(const char* syscall, std::string path = {}, std::string step = {}) {
  throw SysError{errno, syscall, std::move(path), std::move(step)};
}

/** The value of a Result, or its error thrown. */
template <typename T>
T unwrap(Result<T> result) {
  if (!result) throw std::move(result.error());
  return std::move(*result);
}

Napi::Error toJs(Napi::Env env, const SysError& error);
Napi::Error toJs(Napi::Env env, const CodedError& error);

/** The body of every callback: only Napi::Error may leave it. */
template <typename Body>
auto guarded(Napi::Env env, Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const SysError& error) {
    throw toJs(env, error);
  } catch (const CodedError& error) {
    throw toJs(env, error);
  } catch (const std::bad_alloc&) {
    throw toJs(env, SysError{ENOMEM, "malloc", {}, {}});
  }
}

template <Napi::Value (*function)(const Napi::CallbackInfo&)>
Napi::Value guardedFunction(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] { return function(info); });
}

/** Sets `exports[name]`; the function may throw SysError and CodedError. */
template <Napi::Value (*function)(const Napi::CallbackInfo&)>
void exportFunction(Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<guardedFunction<function>>(exports.Env(), name));
}

}  // namespace podrun
