#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"

namespace podrun {

/** A master's end of a terminal that does not block, and another descriptor of it for writing. */
struct TerminalEnds {
  unique_fd read;
  unique_fd write;
};
TerminalEnds splitTerminal(unique_fd master);

void resizeTerminal(int master, uint16_t width, uint16_t height);

/** What a person would type to end the input: the terminal's own end-of-file character, or nothing where
 * lines are not edited. */
std::string endOfInput(int master);

}  // namespace podrun
