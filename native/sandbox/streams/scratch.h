#pragma once

#include <cstddef>

namespace podrun {

/**
 * One buffer for everything that is read: there is one thread, and no handler keeps what it read here past
 * its return. In .bss, so that a quiet sandbox pays only for the pages that its largest read has touched.
 */
constexpr size_t kScratchSize = 96 * 1024;
inline char scratch[kScratchSize];

}  // namespace podrun
