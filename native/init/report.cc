#include "init/report.h"

#include <sys/socket.h>

#include <cstddef>
#include <cstring>
#include <string_view>

namespace podrun {
namespace {

template <size_t N>
void copyText(char (&to)[N], std::string_view from) {
  const size_t length = from.size() < N ? from.size() : N - 1;
  memcpy(to, from.data(), length);
  to[length] = '\0';
}

}  // namespace

void sendReport(int channel, const Report& report, int fd) {
  // A hello or ready has no text: only what is used crosses the socket.
  const size_t size = report.kind == Report::Kind::failure ? sizeof(report) : offsetof(Report, syscall);
  iovec data{const_cast<Report*>(&report), size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
  }
  // When nobody reads any more the sandbox is gone, and so are we.
  while (sendmsg(channel, &message, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

Report failureReport(const SysError& error, const char* step, int exitCode) {
  Report report;
  report.kind = Report::Kind::failure;
  report.error = error.error;
  report.exitCode = exitCode;
  copyText(report.syscall, error.syscall);
  copyText(report.step, error.step.empty() ? step : std::string_view(error.step));
  copyText(report.path, error.path);
  copyText(report.message, error.message);
  return report;
}

Receive receiveReport(int channel, ReceivedReport& out) {
  out.report = Report{};
  iovec data{&out.report, sizeof(out.report)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(ucred))];
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t size;
  do {
    size = recvmsg(channel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return errno == EAGAIN ? Receive::nothing : Receive::end;
  if (size == 0) return Receive::end;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET) continue;
    if (header->cmsg_type == SCM_RIGHTS) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(header), sizeof(fd));
      out.fd.reset(fd);
    } else if (header->cmsg_type == SCM_CREDENTIALS) {
      ucred credentials;
      memcpy(&credentials, CMSG_DATA(header), sizeof(credentials));
      out.sender = credentials.pid;
    }
  }
  return Receive::report;
}

}  // namespace podrun
