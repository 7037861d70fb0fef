#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace podrun {

/** Writes `bundle/exit.json` so that after a crash of the machine it is there as a whole or not at all. */
Status writeExitRecord(const std::string& bundle, std::string_view json);

}  // namespace podrun
