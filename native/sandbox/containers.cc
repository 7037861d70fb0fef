#include "sandbox/containers.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/json.h"
#include "init/namespaces.h"
#include "sandbox/messages.h"
#include "sandbox/record.h"
#include "sandbox/streams/clock.h"
#include "sandbox/streams/pipes.h"
#include "sandbox/streams/scratch.h"

namespace podrun {

Container::Container(Loop& loop, ContainerOwner& owner, StartRequest request)
    : loop_(loop),
      owner_(owner),
      request_(std::move(request)),
      channel_(loop, *this),
      out_(loop, *this),
      err_(loop, *this),
      drainTimer_(loop, *this) {}

Status Container::launch() {
  if (Status opened = log_.open(request_.log); !opened) return opened;
  Result<Pipe> out = makePipe(Ours::read);
  if (!out) return std::move(out.error());
  Result<Pipe> err = makePipe(Ours::read);
  if (!err) return std::move(err.error());
  Result<ReportChannel> channel = makeReportChannel();
  if (!channel) return std::move(channel.error());
  oomKillsBefore_ = readOomKills(request_.start.cgroup);
  const Stdio stdio{-1, out->write.get(), err->write.get()};
  Result<Cloned> cloned = startContainer(request_.start, stdio, channel->child.get());
  if (!cloned) return std::move(cloned.error());
  record_.pid = cloned->pid;
  pidfd_ = std::move(cloned->pidfd);
  channel_.open(std::move(channel->sandbox), EPOLLIN);
  out_.open(std::move(out->read), EPOLLIN);
  err_.open(std::move(err->read), EPOLLIN);
  return Done{};
}

void Container::readChannel() {
  while (channel_) {
    ReceivedReport received;
    const Receive result = receiveReport(channel_.fd(), received);
    if (result == Receive::nothing) return;
    if (result == Receive::end) {
      channel_.close();
      if (!ready_ || failure_) return;  // reaped() tells
      state_ = State::running;
      record_.startedAt = timestampNow();
      owner_.onStarted(*this);
    } else if (received.report.kind == Report::Kind::ready) {
      ready_ = true;
    } else if (received.report.kind == Report::Kind::failure) {
      failure_ = std::make_unique<Report>(received.report);
    }
  }
}

void Container::reaped(const siginfo_t& info) {
  readChannel();
  pidfd_.reset();
  if (state_ == State::starting) return failed(info);
  record_.finishedAt = timestampNow();
  const bool exited = info.si_code == CLD_EXITED;
  record_.signal = exited ? 0 : info.si_status;
  record_.exitCode = exited ? info.si_status : 128 + info.si_status;
  // 137 also stands for a shell whose child was killed and that passes the status on.
  record_.oomKilled =
      record_.exitCode == 128 + SIGKILL && readOomKills(request_.start.cgroup) > oomKillsBefore_;
  state_ = State::draining;
  endIfDrained();
  if (state_ == State::draining) drainTimer_.open(timerAfter(kDrainMs), EPOLLIN);
}

/** The child has ended without becoming the program. */
void Container::failed(const siginfo_t& info) {
  state_ = State::failed;
  channel_.close();
  out_.close();
  err_.close();
  log_.close();
  if (!failure_) {
    const bool oom = readOomKills(request_.start.cgroup) > oomKillsBefore_;
    const std::string how =
        oom ? "out of memory: the container's memory limit is too small to start in"
            : "ended by signal " + std::to_string(info.si_status) + " before the program ran";
    failure_ = std::make_unique<Report>(failureReport(SysError::refused(how), "start", 128));
  }
  owner_.onStartFailed(*this, *failure_);
}

bool Container::pump(Source& source, LogStream& log) {
  const size_t carried = log.carried();
  const ssize_t size = read(source.fd(), scratch + carried, kScratchSize - carried);
  if (size > 0) {
    log.take(static_cast<size_t>(size));
    return true;
  }
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  log.finish();
  source.close();
  endIfDrained();
  return false;
}

void Container::endIfDrained() {
  if (state_ == State::draining && !out_ && !err_) end();
}

/** Somebody outside the container's pid namespace holds the pipes; all that was written until now is taken,
 * no more. */
void Container::onDrainTimer(uint32_t) {
  drainTimer_.close();
  for (int reads = 0; reads < 64 && out_ && pump(out_, outLog_); reads++) {
  }
  for (int reads = 0; reads < 64 && err_ && pump(err_, errLog_); reads++) {
  }
  if (state_ == State::draining) end();
}

void Container::end() {
  outLog_.finish();
  errLog_.finish();
  out_.close();
  err_.close();
  drainTimer_.close();
  log_.close();
  record_.lostLogBytes = log_.lost();
  state_ = State::ended;
  json::Object record;
  addExit(record, record_);
  // Where it cannot be written (a full disk) the event still says it, and so does `state` until the sandbox
  // ends.
  (void)static_cast<bool>(writeExitRecord(request_.start.bundle, record.done()));
  owner_.onEnded(*this);
  // The record is kept for `state`; nothing else of an ended container is needed again.
  request_.start = {};
  request_.log = {};
}

bool Container::signal(int number) {
  if (!hasProcess()) return false;
  return syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0) == 0;
}

void Container::kill() {
  if (!hasProcess()) return;
  // The pid namespace dies with its first process; the cgroup also has what is still on its way into it.
  if (!killCgroup(request_.start.cgroup) || state_ == State::starting) signal(SIGKILL);
}

}  // namespace podrun
