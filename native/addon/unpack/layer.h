#pragma once

#include <atomic>
#include <string>
#include <variant>

#include "addon/blob/inflate.h"
#include "addon/layer_error.h"
#include "addon/unpack/writer.h"

namespace podrun {

struct UnpackOptions {
  std::string blob;
  Compression compression = Compression::none;
  std::string into;
  UnpackLimits limits;
};

struct UnpackedLayer {
  std::string diffId;
  uint64_t sizeBytes = 0;
  uint64_t entries = 0;
};

/**
 * Unpacks one layer: blob -> inflate -> { sha256, tar -> files }, on the calling thread and two more.
 * What was written before an error stays for the caller to remove.
 */
std::variant<UnpackedLayer, LayerError> unpackLayer(const UnpackOptions& options,
                                                    const std::atomic<bool>& cancelled);

}  // namespace podrun
