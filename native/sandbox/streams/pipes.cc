#include "sandbox/streams/pipes.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace podrun {

Result<Pipe> makePipe(Ours ours) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return SysError::last("pipe2");
  Pipe pipe{unique_fd(ends[0]), unique_fd(ends[1])};
  if (fcntl(ends[ours == Ours::read ? 0 : 1], F_SETFL, O_NONBLOCK) != 0) return SysError::last("fcntl");
  return pipe;
}

Result<ReportChannel> makeReportChannel() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return SysError::last("socketpair");
  ReportChannel channel{unique_fd(ends[0]), unique_fd(ends[1])};
  const int on = 1;
  if (setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0) return SysError::last("setsockopt");
  return channel;
}

}  // namespace podrun
