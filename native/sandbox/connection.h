#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/loop.h"

namespace podrun {

enum class Channel : uint8_t { in = 0, out = 1, err = 2, resize = 4, control = 9 };

class Connection;

/** What happens on a connection, told to its owner. None of these may destroy the connection at once. */
class ConnectionOwner {
 public:
  /** One whole frame. */
  virtual void onFrame(Connection& connection, Channel channel, std::string_view payload) = 0;
  /** The peer is gone, or spoke another protocol. */
  virtual void onClosed(Connection& connection) = 0;
  /** What had to wait has been sent. */
  virtual void onSent(Connection& connection) = 0;

 protected:
  ~ConnectionOwner() = default;
};

/** One supervisor or client: frames in and out of a stream socket, with bounded memory in both directions. */
class Connection {
 public:
  Connection(Loop& loop, ConnectionOwner& owner, unique_fd socket);

  /** Queues one frame and sends what can be sent now. */
  void send(Channel channel, std::string_view payload);
  /** Bytes that wait for a slow peer: whoever produces pauses above kHighWater. */
  size_t waiting() const { return output_.size() - sent_; }
  static constexpr size_t kHighWater = 128 * 1024;

  /** While paused no frame is taken: a request is being worked on, or a process does not read its stdin. */
  void pause();
  void resume();

  /** Closes once everything has been sent. */
  void finish();
  void close();
  /** The peer does not speak this protocol: as if it had gone, at the next turn of the loop. */
  void drop();
  bool isOpen() const { return static_cast<bool>(socket_); }

  /** Descriptors may come with the frames of this connection. */
  void acceptFds() { fdsAccepted_ = true; }
  std::vector<unique_fd>& fds() { return fds_; }

  bool subscribed = false;
  /** The exec session that the connection has become, if any. */
  void* session = nullptr;
  /** Of the request that is being worked on. */
  int64_t requestId = 0;

 private:
  void onEvents(uint32_t events);
  bool receive();
  void takeFrames();
  void flush();
  void updateInterest();
  void lost();

  ConnectionOwner& owner_;
  MemberSource<Connection, &Connection::onEvents> socket_;
  std::string input_;
  std::string output_;
  size_t sent_ = 0;
  bool paused_ = false;
  bool taking_ = false;
  bool peerGone_ = false;
  bool finishing_ = false;
  bool fdsAccepted_ = false;
  std::vector<unique_fd> fds_;
};

}  // namespace podrun
