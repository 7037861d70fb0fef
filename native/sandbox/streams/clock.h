#pragma once

#include <cstddef>
#include <string>

struct timespec;

namespace podrun {

constexpr size_t kTimestampSize = 30;

/** "2026-08-22T12:00:00.000000000Z": RFC3339Nano in UTC, always nine digits, so that lines sort. Not
 * terminated. */
void writeTimestamp(const timespec& time, char (&out)[kTimestampSize]);

/** The same of now. */
std::string timestampNow();

}  // namespace podrun
