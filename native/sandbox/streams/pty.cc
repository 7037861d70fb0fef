#include "sandbox/streams/pty.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>

namespace podrun {

TerminalEnds splitTerminal(unique_fd master) {
  // O_NONBLOCK belongs to the master's open file alone; programs have the other side.
  fcntl(master.get(), F_SETFL, fcntl(master.get(), F_GETFL) | O_NONBLOCK);
  unique_fd copy(fcntl(master.get(), F_DUPFD_CLOEXEC, 0));
  return TerminalEnds{std::move(master), std::move(copy)};
}

void resizeTerminal(int master, uint16_t width, uint16_t height) {
  const winsize size{height, width, 0, 0};
  ioctl(master, TIOCSWINSZ, &size);
}

std::string endOfInput(int master) {
  termios attributes;
  if (tcgetattr(master, &attributes) != 0 || (attributes.c_lflag & ICANON) == 0) return {};
  return std::string(1, static_cast<char>(attributes.c_cc[VEOF]));
}

}  // namespace podrun
