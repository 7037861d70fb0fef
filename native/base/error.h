#pragma once

#include <cerrno>
#include <string>
#include <utility>
#include <variant>

namespace podrun {

/** A failed system call: errno, its name, and the path or object concerned. `step` says what was being done.
 */
struct SysError {
  int error = 0;
  const char* syscall = "";
  std::string path;
  std::string step;
  /** What is wrong when no system call failed (`error` is 0), or more than errno can say. */
  std::string message;

  static SysError last(const char* syscall, std::string path = {}) {
    return SysError{errno, syscall, std::move(path), {}, {}};
  }
  /** Something that is not as it has to be, found by us and not by the kernel. */
  static SysError refused(std::string message, std::string path = {}) {
    return SysError{0, "", std::move(path), {}, std::move(message)};
  }
};

/** A value or the error that kept us from having it. Neither throws: the sandbox is built without exceptions.
 */
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(SysError error) : state_(std::move(error)) {}
  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() { return *std::get_if<0>(&state_); }
  T* operator->() { return std::get_if<0>(&state_); }
  SysError& error() { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, SysError> state_;
};

struct Done {};
/** Success, or the error. */
using Status = Result<Done>;

}  // namespace podrun
