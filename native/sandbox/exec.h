#pragma once

#include <signal.h>

#include <string>
#include <string_view>

#include "init/child.h"
#include "init/report.h"
#include "sandbox/connection.h"
#include "sandbox/loop.h"
#include "sandbox/streams/pipes.h"

namespace podrun {

class ExecSession;

class ExecOwner {
 public:
  virtual void onExecStarted(ExecSession& session) = 0;
  virtual void onExecFailed(ExecSession& session, const Report& failure) = 0;
  /** The process has ended and its output was passed on. */
  virtual void onExecEnded(ExecSession& session, int exitCode, int signal) = 0;

 protected:
  ~ExecOwner() = default;
};

/** A further process in a running container, whose streams are a connection's. */
class ExecSession {
 public:
  ExecSession(Loop& loop, ExecOwner& owner, Connection& connection, ExecStart start, bool wantsStdin);

  Status launch();
  void readChannel();
  /** True when `pid` was one of this session's. */
  bool reaped(pid_t pid, const siginfo_t& info);

  /** Bytes for stdin; none closes it. Pauses the connection while the process does not read. */
  void input(std::string_view bytes);
  void resize(uint16_t width, uint16_t height);
  /** The connection's output has been sent: reading goes on. */
  void resumeOutput();
  /** The client is gone. */
  void hangUp();

  pid_t pid() const { return pid_; }
  bool isOver() const { return over_; }
  /** Null once the client is gone. */
  Connection* connection() { return connection_; }

 private:
  void onChannel(uint32_t) { readChannel(); }
  void onOut(uint32_t) { pump(out_, Channel::out); }
  void onErr(uint32_t) { pump(err_, Channel::err); }
  void onIn(uint32_t);
  void onDrainTimer(uint32_t);
  bool pump(Source& source, Channel channel);
  bool writeInput();
  void started();
  void failIfReaped();
  void endIfDrained();
  void end();

  Loop& loop_;
  ExecOwner& owner_;
  Connection* connection_;
  ExecStart start_;
  bool wantsStdin_;
  pid_t helper_ = 0;
  pid_t pid_ = 0;
  bool running_ = false;
  bool ready_ = false;
  bool processEnded_ = false;
  bool over_ = false;
  bool hasFailure_ = false;
  Report failure_;
  siginfo_t status_{};
  unique_fd master_;
  unique_fd inPipe_;
  unique_fd outPipe_;
  unique_fd errPipe_;
  std::string pendingInput_;
  bool inputEnds_ = false;
  MemberSource<ExecSession, &ExecSession::onChannel> channel_;
  MemberSource<ExecSession, &ExecSession::onIn> in_;
  MemberSource<ExecSession, &ExecSession::onOut> out_;
  MemberSource<ExecSession, &ExecSession::onErr> err_;
  MemberSource<ExecSession, &ExecSession::onDrainTimer> drainTimer_;
};

}  // namespace podrun
