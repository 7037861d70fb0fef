#include "sandbox/exec.h"

#include <sys/wait.h>
#include <unistd.h>

#include "init/namespaces.h"
#include "sandbox/streams/pty.h"
#include "sandbox/streams/scratch.h"

namespace podrun {
namespace {

constexpr size_t kReadSize = 32 * 1024;

bool isOurChild(pid_t pid) {
  siginfo_t info{};
  return pid > 0 && waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

}  // namespace

ExecSession::ExecSession(Loop& loop, ExecOwner& owner, Connection& connection, ExecStart start,
                         bool wantsStdin)
    : loop_(loop),
      owner_(owner),
      connection_(&connection),
      start_(std::move(start)),
      wantsStdin_(wantsStdin),
      channel_(loop, *this),
      in_(loop, *this),
      out_(loop, *this),
      err_(loop, *this),
      drainTimer_(loop, *this) {}

Status ExecSession::launch() {
  Stdio stdio;
  Pipe in, out, err;
  if (!start_.process.terminal) {
    if (wantsStdin_) {
      Result<Pipe> made = makePipe(Ours::write);
      if (!made) return std::move(made.error());
      in = std::move(*made);
    }
    Result<Pipe> madeOut = makePipe(Ours::read);
    if (!madeOut) return std::move(madeOut.error());
    out = std::move(*madeOut);
    Result<Pipe> madeErr = makePipe(Ours::read);
    if (!madeErr) return std::move(madeErr.error());
    err = std::move(*madeErr);
    stdio = Stdio{in.read.get(), out.write.get(), err.write.get()};
  }
  Result<ReportChannel> channel = makeReportChannel();
  if (!channel) return std::move(channel.error());
  Result<Cloned> cloned = startExec(start_, stdio, channel->child.get());
  if (!cloned) return std::move(cloned.error());
  helper_ = cloned->pid;
  inPipe_ = std::move(in.write);
  outPipe_ = std::move(out.read);
  errPipe_ = std::move(err.read);
  channel_.open(std::move(channel->sandbox), EPOLLIN);
  return Done{};
}

void ExecSession::readChannel() {
  while (channel_) {
    ReceivedReport received;
    const Receive result = receiveReport(channel_.fd(), received);
    if (result == Receive::nothing) return;
    if (result == Receive::end) {
      channel_.close();
      if (ready_ && !hasFailure_) return started();
      return failIfReaped();
    }
    switch (received.report.kind) {
      case Report::Kind::hello:
        // The kernel's word, not the sender's; and whoever got hold of the socket could at most name another
        // child of ours.
        if (pid_ == 0 && received.sender != helper_ && isOurChild(received.sender)) pid_ = received.sender;
        break;
      case Report::Kind::terminal:
        master_ = std::move(received.fd);
        break;
      case Report::Kind::ready:
        ready_ = true;
        break;
      case Report::Kind::failure:
        failure_ = received.report;
        hasFailure_ = true;
        break;
    }
  }
}

/** The channel has been closed by the program's exec and by the helper's end, which may both be later than
 * the program's own end. */
void ExecSession::started() {
  running_ = true;
  if (connection_ == nullptr) {
    // The client went while the process was being made.
    if (!processEnded_) kill(pid_, SIGKILL);
    return endIfDrained();
  }
  if (start_.process.terminal) {
    TerminalEnds ends = splitTerminal(std::move(master_));
    out_.open(std::move(ends.read), EPOLLIN);
    if (wantsStdin_) in_.open(std::move(ends.write), 0);
  } else {
    out_.open(std::move(outPipe_), EPOLLIN);
    err_.open(std::move(errPipe_), EPOLLIN);
    if (inPipe_) in_.open(std::move(inPipe_), 0);
  }
  owner_.onExecStarted(*this);
  if (processEnded_ && !over_) drainTimer_.open(timerAfter(kDrainMs), EPOLLIN);
}

bool ExecSession::reaped(pid_t pid, const siginfo_t& info) {
  if (pid == helper_) {
    helper_ = 0;
    readChannel();
    failIfReaped();
    return true;
  }
  if (pid != pid_ || processEnded_) return false;
  readChannel();
  processEnded_ = true;
  status_ = info;
  if (!running_) {
    failIfReaped();
    return true;
  }
  endIfDrained();
  if (!over_) drainTimer_.open(timerAfter(kDrainMs), EPOLLIN);
  return true;
}

/** A failure is told when nothing of the session is left. */
void ExecSession::failIfReaped() {
  if (over_ || running_ || channel_ || helper_ != 0 || (pid_ != 0 && !processEnded_)) return;
  if (!hasFailure_) failure_ = failureReport(SysError::refused("killed before the program ran"), "exec", 128);
  over_ = true;
  owner_.onExecFailed(*this, failure_);
}

bool ExecSession::pump(Source& source, Channel channel) {
  if (connection_ == nullptr) return false;
  if (connection_->waiting() > Connection::kHighWater) {
    source.want(0);
    return false;
  }
  const ssize_t size = read(source.fd(), scratch, kReadSize);
  if (size > 0) {
    connection_->send(channel, std::string_view(scratch, static_cast<size_t>(size)));
    return true;
  }
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  // A terminal ends with EIO when the last program has closed it.
  source.close();
  endIfDrained();
  return false;
}

void ExecSession::resumeOutput() {
  out_.want(EPOLLIN);
  err_.want(EPOLLIN);
  if (processEnded_ && !over_ && !drainTimer_) drainTimer_.open(timerAfter(kDrainMs), EPOLLIN);
}

void ExecSession::input(std::string_view bytes) {
  if (!in_) return;
  if (bytes.empty()) {
    inputEnds_ = true;
    if (start_.process.terminal) pendingInput_ += endOfInput(in_.fd());
  } else {
    pendingInput_ += bytes;
  }
  if (!writeInput()) connection_->pause();
}

void ExecSession::onIn(uint32_t) {
  if (writeInput() && connection_ != nullptr) connection_->resume();
}

/** True when nothing is left to write. */
bool ExecSession::writeInput() {
  while (!pendingInput_.empty()) {
    const ssize_t written = write(in_.fd(), pendingInput_.data(), pendingInput_.size());
    if (written > 0) {
      pendingInput_.erase(0, static_cast<size_t>(written));
    } else if (errno == EAGAIN) {
      in_.want(EPOLLOUT);
      return false;
    } else if (errno != EINTR) {
      // Nobody will read it any more.
      pendingInput_.clear();
      inputEnds_ = true;
    }
  }
  in_.want(0);
  // A terminal stays open: it carries the output and the window's size, too.
  if (inputEnds_ && !start_.process.terminal) in_.close();
  if (pendingInput_.capacity() > 4096) std::string().swap(pendingInput_);
  return true;
}

void ExecSession::resize(uint16_t width, uint16_t height) {
  if (out_ && start_.process.terminal) resizeTerminal(out_.fd(), width, height);
}

void ExecSession::hangUp() {
  connection_ = nullptr;
  readChannel();
  const pid_t target = pid_ != 0 ? pid_ : helper_;
  const bool exists = target != 0 && !processEnded_;
  if (exists) kill(target, running_ && start_.process.terminal ? SIGHUP : SIGKILL);
  in_.close();
  out_.close();
  err_.close();
  master_.reset();
  inPipe_.reset();
  outPipe_.reset();
  errPipe_.reset();
  endIfDrained();
}

void ExecSession::endIfDrained() {
  if (running_ && processEnded_ && !over_ && !out_ && !err_) end();
}

void ExecSession::onDrainTimer(uint32_t) {
  drainTimer_.close();
  for (int reads = 0; reads < 4 && out_ && pump(out_, Channel::out); reads++) {
  }
  for (int reads = 0; reads < 4 && err_ && pump(err_, Channel::err); reads++) {
  }
  // A slow client has not taken what there is: that is no reason to lose it. resumeOutput() starts the wait
  // again.
  if (over_ || (connection_ != nullptr && connection_->waiting() > Connection::kHighWater)) return;
  end();
}

void ExecSession::end() {
  over_ = true;
  in_.close();
  out_.close();
  err_.close();
  drainTimer_.close();
  const bool exited = status_.si_code == CLD_EXITED;
  owner_.onExecEnded(*this, exited ? status_.si_status : 128 + status_.si_status,
                     exited ? 0 : status_.si_status);
}

}  // namespace podrun
