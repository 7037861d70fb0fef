#include "sandbox/connection.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstring>

#include "sandbox/streams/scratch.h"

namespace podrun {
namespace {

constexpr size_t kHeader = 5;
constexpr size_t kMaxPayload = 1 << 20;
constexpr size_t kMaxWaiting = 4 << 20;  // of a peer that does not read its responses and events

/** Gives memory back that a burst has needed: fifty sandboxes are quiet most of the time. */
void shrink(std::string& buffer) {
  if (buffer.empty() && buffer.capacity() > 4096) std::string().swap(buffer);
}

}  // namespace

Connection::Connection(Loop& loop, ConnectionOwner& owner, unique_fd socket)
    : owner_(owner), socket_(loop, *this) {
  socket_.open(std::move(socket), EPOLLIN);
}

void Connection::send(Channel channel, std::string_view payload) {
  if (!socket_ || finishing_ || peerGone_) return;
  const uint32_t length = static_cast<uint32_t>(payload.size());
  const char header[kHeader] = {static_cast<char>(length >> 24), static_cast<char>(length >> 16),
                                static_cast<char>(length >> 8), static_cast<char>(length),
                                static_cast<char>(channel)};
  size_t done = 0;
  if (waiting() == 0) {
    // The usual case: no copy, the socket takes it all.
    iovec parts[2] = {{const_cast<char*>(header), kHeader},
                      {const_cast<char*>(payload.data()), payload.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    const ssize_t sent = sendmsg(socket_.fd(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) done = static_cast<size_t>(sent);
  }
  if (done < kHeader) output_.append(header + done, kHeader - done);
  const size_t payloadDone = done > kHeader ? done - kHeader : 0;
  output_.append(payload.substr(payloadDone));
  if (waiting() > kMaxWaiting) peerGone_ = true;  // seen at the next turn, as a peer that has gone
  updateInterest();
}

void Connection::pause() {
  paused_ = true;
  updateInterest();
}

void Connection::resume() {
  if (!paused_) return;
  paused_ = false;
  takeFrames();
  updateInterest();
}

void Connection::finish() {
  finishing_ = true;
  if (waiting() == 0) return close();
  updateInterest();
}

void Connection::close() {
  socket_.close();
  input_.clear();
  output_.clear();
  sent_ = 0;
}

void Connection::drop() {
  peerGone_ = true;
  updateInterest();
}

void Connection::onEvents(uint32_t events) {
  if ((events & EPOLLOUT) != 0) flush();
  if (!socket_) return;
  if (peerGone_) return lost();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    // A paused connection is watched for its end alone.
    if (paused_ && (events & (EPOLLHUP | EPOLLERR)) == 0) return updateInterest();
    if (!receive()) return lost();
  }
  updateInterest();
}

/** False when the peer has gone. */
bool Connection::receive() {
  if (paused_ && input_.size() > kMaxPayload) return false;
  iovec part{scratch, kScratchSize};
  alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (fdsAccepted_) {
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
  }
  const ssize_t size = recvmsg(socket_.fd(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  input_.append(scratch, static_cast<size_t>(size));
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      fds_.emplace_back(fd);
    }
  }
  takeFrames();
  shrink(input_);
  return size > 0 && !peerGone_;
}

void Connection::takeFrames() {
  if (taking_) return;  // a handler paused and resumed within one frame
  taking_ = true;
  size_t start = 0;
  while (!paused_ && socket_ && input_.size() - start >= kHeader) {
    const unsigned char* header = reinterpret_cast<const unsigned char*>(input_.data()) + start;
    const size_t length =
        size_t{header[0]} << 24 | size_t{header[1]} << 16 | size_t{header[2]} << 8 | header[3];
    if (length > kMaxPayload) {
      peerGone_ = true;
      break;
    }
    if (input_.size() - start - kHeader < length) break;
    // The handler may change everything but the input, which only grows in receive().
    const std::string_view payload(input_.data() + start + kHeader, length);
    start += kHeader + length;
    owner_.onFrame(*this, static_cast<Channel>(header[4]), payload);
  }
  taking_ = false;
  input_.erase(0, std::min(start, input_.size()));
}

void Connection::flush() {
  if (waiting() != 0) {
    const ssize_t sent = ::send(socket_.fd(), output_.data() + sent_, waiting(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return lost();
    if (sent > 0) sent_ += static_cast<size_t>(sent);
  }
  if (waiting() != 0) return;
  output_.clear();
  sent_ = 0;
  shrink(output_);
  if (finishing_) return close();
  owner_.onSent(*this);
}

void Connection::updateInterest() {
  if (!socket_) return;
  uint32_t events = paused_ ? 0u : static_cast<uint32_t>(EPOLLIN);
  if (waiting() != 0 || peerGone_) events |= EPOLLOUT;
  // EPOLLHUP is reported unasked, EPOLLRDHUP stands here so that a paused connection stays in the loop.
  socket_.want(events != 0 ? events : static_cast<uint32_t>(EPOLLHUP));
}

void Connection::lost() {
  close();
  owner_.onClosed(*this);
}

}  // namespace podrun
