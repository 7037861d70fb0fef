#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "base/fd.h"

namespace podrun {

/**
 * What a child tells the sandbox between clone and exec, one SOCK_SEQPACKET message each. Both ends are
 * O_CLOEXEC:
 *
 *   child                               sandbox
 *     | hello  (exec sessions only) ----->|   the kernel adds the pid, translated to the sandbox's pid
 * namespace | terminal + SCM_RIGHTS ----------->|   exec sessions with a terminal only: its master | ready
 * --------------------------->|   everything is set up, exec is next | execve: end of file ------------->|
 * the program runs |   or failure -------------------->|   the program could not be run
 *
 * End of file without `ready` means that the child was killed on the way.
 */
struct Report {
  enum class Kind : int { hello, terminal, ready, failure };
  Kind kind = Kind::hello;
  int error = 0;
  int exitCode = 0;
  char syscall[24] = {};
  char step[72] = {};
  char path[512] = {};
  char message[512] = {};
};

/** Sends one report, with a descriptor when `fd` is not -1. */
void sendReport(int channel, const Report& report, int fd = -1);

/** The failure as a report; too long texts are cut. */
Report failureReport(const SysError& error, const char* step, int exitCode);

struct ReceivedReport {
  Report report;
  unique_fd fd;
  pid_t sender = 0;
};

enum class Receive { report, nothing, end };
/** Takes the next report without waiting. */
Receive receiveReport(int channel, ReceivedReport& out);

}  // namespace podrun
