#pragma once

#include <signal.h>

#include <cstdint>
#include <memory>
#include <string>

#include "init/child.h"
#include "init/report.h"
#include "sandbox/loop.h"
#include "sandbox/streams/logs.h"

namespace podrun {

class Container;

class ContainerOwner {
 public:
  /** The program has been exec'd. */
  virtual void onStarted(Container& container) = 0;
  /** It could not be; its process has been reaped and the container is to be forgotten. */
  virtual void onStartFailed(Container& container, const Report& failure) = 0;
  /** It has ended, its output is in the log and the exit record on disk. */
  virtual void onEnded(Container& container) = 0;

 protected:
  ~ContainerOwner() = default;
};

struct StartRequest {
  std::string name;
  int64_t attempt = 0;
  int stopSignal = SIGTERM;
  LogOptions log;
  ContainerStart start;
};

struct ExitRecord {
  int exitCode = 0;
  int signal = 0;
  bool oomKilled = false;
  uint64_t lostLogBytes = 0;
  pid_t pid = 0;
  std::string startedAt;
  std::string finishedAt;
};

/** One attempt of one container, from its start to its exit record. */
class Container {
 public:
  /** starting -> running -> draining (ended, output still coming) -> ended; or starting -> failed. */
  enum class State { starting, running, draining, ended, failed };

  Container(Loop& loop, ContainerOwner& owner, StartRequest request);

  Status launch();
  /** Takes what the child has to say, before its end is looked at. */
  void readChannel();
  /** The process has been reaped. */
  void reaped(const siginfo_t& info);

  /** False when there is no process any more. */
  bool signal(int number);
  /** SIGKILL to everything in its cgroup. */
  void kill();

  State state() const { return state_; }
  bool hasProcess() const { return state_ == State::starting || state_ == State::running; }
  bool isOver() const { return state_ == State::ended || state_ == State::failed; }
  pid_t pid() const { return record_.pid; }
  int pidfd() const { return pidfd_.get(); }
  const StartRequest& request() const { return request_; }
  const ExitRecord& record() const { return record_; }

 private:
  void onChannel(uint32_t) { readChannel(); }
  void onOut(uint32_t) { pump(out_, outLog_); }
  void onErr(uint32_t) { pump(err_, errLog_); }
  void onDrainTimer(uint32_t);
  bool pump(Source& source, LogStream& log);
  void failed(const siginfo_t& info);
  void endIfDrained();
  void end();

  Loop& loop_;
  ContainerOwner& owner_;
  StartRequest request_;
  State state_ = State::starting;
  ExitRecord record_;
  unique_fd pidfd_;
  uint64_t oomKillsBefore_ = 0;
  bool ready_ = false;
  std::unique_ptr<Report> failure_;
  LogFile log_;
  LogStream outLog_{log_, "stdout"};
  LogStream errLog_{log_, "stderr"};
  MemberSource<Container, &Container::onChannel> channel_;
  MemberSource<Container, &Container::onOut> out_;
  MemberSource<Container, &Container::onErr> err_;
  MemberSource<Container, &Container::onDrainTimer> drainTimer_;
};

}  // namespace podrun
