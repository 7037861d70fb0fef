#pragma once

#include "base/error.h"
#include "base/fd.h"

namespace podrun {

struct Pipe {
  unique_fd read;
  unique_fd write;
};

/** A pipe whose `ours` end does not block. Only that: the other is the program's, which expects an ordinary
 * pipe. */
enum class Ours { read, write };
Result<Pipe> makePipe(Ours ours);

struct ReportChannel {
  unique_fd sandbox;
  unique_fd child;
};

/** The socket pair that a child reports on (init/report.h), with the senders' pids. */
Result<ReportChannel> makeReportChannel();

/** How long the output of a process that has ended is waited for while somebody else holds the other end. */
constexpr int64_t kDrainMs = 200;

}  // namespace podrun
