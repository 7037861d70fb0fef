#pragma once

#include <napi.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "addon/napi/failure.h"

namespace podrun {

inline constexpr int64_t kMaxSafeInteger = (int64_t{1} << 53) - 1;

/** Checks the shape of what JavaScript passed, once, and copies it: no handle is kept past the call. */
class Argument {
 public:
  Argument(Napi::Value value, std::string name) : value_(value), name_(std::move(name)) {}

  bool missing() const { return value_.IsUndefined(); }

  std::string string() const {
    if (!value_.IsString()) fail("a string");
    std::string text = value_.As<Napi::String>().Utf8Value();
    // A NUL would cut the string short at the first system call.
    if (text.find('\0') != std::string::npos) fail("a string without NUL");
    return text;
  }

  bool boolean() const {
    if (!value_.IsBoolean()) fail("a boolean");
    return value_.As<Napi::Boolean>().Value();
  }

  int64_t integer(int64_t least, int64_t most) const {
    const double number = value_.IsNumber() ? value_.As<Napi::Number>().DoubleValue() : NAN;
    if (!(number >= static_cast<double>(least) && number <= static_cast<double>(most)) ||
        std::trunc(number) != number) {
      fail("an integer from " + std::to_string(least) + " to " + std::to_string(most));
    }
    return static_cast<int64_t>(number);
  }

  std::vector<int64_t> integers(int64_t least, int64_t most) const {
    if (!value_.IsArray()) fail("an array");
    const Napi::Array array = value_.As<Napi::Array>();
    std::vector<int64_t> numbers;
    for (uint32_t i = 0; i < array.Length(); ++i) {
      numbers.push_back(Argument(array.Get(i), name_ + "[" + std::to_string(i) + "]").integer(least, most));
    }
    return numbers;
  }

  /** A property of the object; undefined when it has none. */
  Argument operator[](const char* key) const {
    if (!value_.IsObject()) fail("an object");
    return Argument(value_.As<Napi::Object>().Get(key), name_ + "." + key);
  }

  bool booleanOr(bool fallback) const { return missing() ? fallback : boolean(); }
  std::optional<int64_t> optionalInteger(int64_t least, int64_t most) const {
    if (missing()) return std::nullopt;
    return integer(least, most);
  }

  [[noreturn]] void fail(const std::string& expected) const {
    throw CodedError{{}, name_ + ": expected " + expected, {}};
  }

 private:
  Napi::Value value_;
  std::string name_;
};

/** The n-th argument, called `name` in errors. */
inline Argument argument(const Napi::CallbackInfo& info, size_t n, const char* name) {
  return Argument(info[n], name);
}

}  // namespace podrun
