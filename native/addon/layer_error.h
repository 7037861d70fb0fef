#pragma once

#include <string>
#include <utility>

#include "base/error.h"

namespace podrun {

/** Why a layer is refused; each is an error code of src/errors.ts. */
enum class Refusal { unsafePath, malformed, truncated, limit, unsupported, cancelled };

/**
 * What ended the unpacking of a layer. Thrown inside the threads of one unpack and caught at its door, where
 * it becomes a value: the parser is a dozen calls deep, and a wrong byte may turn up at any depth.
 */
struct LayerError {
  /** ERR_PODRUN_LAYER_*, or empty when a system call failed. */
  std::string code;
  std::string message;
  /** Name of the entry as the archive has it; empty when the stream itself is at fault. */
  std::string path;
  /** Set (error != 0) when a system call failed. */
  SysError system;
};

inline const char* refusalCode(Refusal refusal) {
  switch (refusal) {
    case Refusal::unsafePath:
      return "ERR_PODRUN_LAYER_UNSAFE_PATH";
    case Refusal::malformed:
      return "ERR_PODRUN_LAYER_MALFORMED";
    case Refusal::truncated:
      return "ERR_PODRUN_LAYER_TRUNCATED";
    case Refusal::limit:
      return "ERR_PODRUN_LAYER_LIMIT";
    case Refusal::unsupported:
      return "ERR_PODRUN_LAYER_UNSUPPORTED";
    case Refusal::cancelled:
      return "ERR_PODRUN_CANCELLED";
  }
  return "";
}

[[noreturn]] inline void refuse(Refusal refusal, std::string message) {
  throw LayerError{refusalCode(refusal), std::move(message), {}, {}};
}

/** For a system call that failed on the entry at hand; its path is added where the entry is known. */
[[noreturn]] inline void failCall(const char* syscall, std::string path = {}) {
  throw LayerError{{}, {}, {}, SysError::last(syscall, std::move(path))};
}

}  // namespace podrun
