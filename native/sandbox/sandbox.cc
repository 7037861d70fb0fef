#include "sandbox/sandbox.h"

#include <malloc.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>

#include "base/json.h"
#include "sandbox/messages.h"

namespace podrun {

Sandbox::Sandbox(unique_fd control, unique_fd signals)
    : signals_(loop_, *this), listener_(loop_, *this), graceTimer_(loop_, *this) {
  signals_.open(std::move(signals), EPOLLIN);
  connections_.push_back(std::make_unique<Connection>(loop_, *this, std::move(control)));
  supervisor_ = connections_.front().get();
  supervisor_->subscribed = true;
  supervisor_->acceptFds();
}

void Sandbox::run() {
  while (!done_) {
    loop_.turn();
    sweep();
  }
}

/** Destroys what has ended during the last turn, when nobody is using it any more. */
void Sandbox::sweep() {
  const size_t before = connections_.size() + containers_.size() + sessions_.size();
  std::erase_if(sessions_, [](const auto& session) { return session->isOver(); });
  std::erase_if(containers_,
                [](const auto& container) { return container->state() == Container::State::failed; });
  std::erase_if(connections_, [](const auto& connection) {
    return !connection->isOpen() && connection->session == nullptr;
  });
  if (stopping_ && !hasContainers()) done_ = true;
  if (connections_.size() + containers_.size() + sessions_.size() == before) return;
  listener_.want(EPOLLIN);  // a descriptor is free again (see onListener)
  malloc_trim(0);
}

void Sandbox::onSignal(uint32_t) {
  signalfd_siginfo info;
  while (read(signals_.fd(), &info, sizeof(info)) == sizeof(info)) {
    if (info.ssi_signo == SIGTERM) stopGracefully();
  }
  reapChildren();
}

/** Children of all kinds, orphans that came to us as their subreaper included. One SIGCHLD may stand for
 * many. */
void Sandbox::reapChildren() {
  for (;;) {
    siginfo_t info{};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
    // The process of an exec session is known from its own first message, sent before it could end.
    const auto readSessions = [this] {
      for (auto& session : sessions_) session->readChannel();
    };
    const auto known = [&] {
      for (auto& session : sessions_) {
        if (session->pid() == info.si_pid) return true;
      }
      return false;
    };
    if (!known()) readSessions();
    waitid(P_PID, static_cast<id_t>(info.si_pid), &info, WEXITED | WNOHANG);
    dispatchReaped(info.si_pid, info);
  }
}

bool Sandbox::dispatchReaped(pid_t pid, const siginfo_t& info) {
  for (auto& container : containers_) {
    if (!container->hasProcess() || container->pid() != pid) continue;
    container->reaped(info);
    return true;
  }
  for (auto& session : sessions_) {
    if (session->reaped(pid, info)) return true;
  }
  return false;
}

void Sandbox::onListener(uint32_t) {
  unique_fd socket(accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) {
    // Out of descriptors: the waiting connection would wake us for ever.
    if (errno == EMFILE || errno == ENFILE) listener_.want(0);
    return;
  }
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != 0) return;
  connections_.push_back(std::make_unique<Connection>(loop_, *this, std::move(socket)));
}

void Sandbox::onClosed(Connection& connection) {
  if (connection.session != nullptr) {
    static_cast<ExecSession*>(connection.session)->hangUp();
    connection.session = nullptr;
  }
  std::erase_if(starters_, [&](const Starter& starter) { return starter.connection == &connection; });
  if (&connection != supervisor_) return;
  supervisor_ = nullptr;
  if (!initialised_) {
    done_ = true;
  } else if (stopOnLoss_) {
    stopGracefully();
  }
}

void Sandbox::onSent(Connection& connection) {
  if (connection.session != nullptr) static_cast<ExecSession*>(connection.session)->resumeOutput();
}

void Sandbox::onStarted(Container& container) {
  for (const Starter& starter : starters_) {
    if (starter.container != &container) continue;
    json::Object response;
    response.number("id", starter.connection->requestId).begin("result");
    response.number("pid", container.pid()).text("startedAt", container.record().startedAt).end();
    respond(*starter.connection, response);
  }
  std::erase_if(starters_, [&](const Starter& starter) { return starter.container == &container; });
  malloc_trim(0);
}

void Sandbox::onStartFailed(Container& container, const Report& failure) {
  for (const Starter& starter : starters_) {
    if (starter.container == &container) respondFailure(*starter.connection, failure);
  }
  std::erase_if(starters_, [&](const Starter& starter) { return starter.container == &container; });
}

void Sandbox::onEnded(Container& container) {
  json::Object event;
  event.text("event", "exit")
      .text("container", container.request().name)
      .number("attempt", container.request().attempt);
  addExit(event, container.record());
  broadcast(event.done());
}

void Sandbox::onExecStarted(ExecSession& session) {
  Connection* connection = session.connection();
  json::Object response;
  response.number("id", connection->requestId).begin("result").number("pid", session.pid()).end();
  respond(*connection, response);
}

void Sandbox::onExecFailed(ExecSession& session, const Report& failure) {
  Connection* connection = session.connection();
  if (connection == nullptr) return;
  connection->session = nullptr;
  respondFailure(*connection, failure);
}

void Sandbox::onExecEnded(ExecSession& session, int exitCode, int signal) {
  Connection* connection = session.connection();
  if (connection == nullptr) return;
  connection->session = nullptr;
  json::Object event;
  event.text("event", "execExit").number("exitCode", exitCode).number("signal", signal);
  connection->send(Channel::control, event.done());
  connection->finish();
}

bool Sandbox::hasContainers() const {
  return std::any_of(containers_.begin(), containers_.end(),
                     [](const auto& container) { return !container->isOver(); });
}

/** The supervisor is gone, or SIGTERM: each container's stop signal once, and after the grace period SIGKILL
 * for what is left. */
void Sandbox::stopGracefully() {
  if (stopping_) return;
  stopping_ = true;
  for (auto& container : containers_) {
    if (container->state() == Container::State::starting) {
      container->kill();  // nobody waits for it any more
    } else {
      container->signal(container->request().stopSignal);
    }
  }
  if (hasContainers()) graceTimer_.open(timerAfter(graceMs_), EPOLLIN);
}

void Sandbox::onGraceTimer(uint32_t) {
  graceTimer_.close();
  killAll();
}

void Sandbox::killAll() {
  stopping_ = true;
  for (auto& container : containers_) container->kill();
}

void Sandbox::broadcast(std::string_view event) {
  for (auto& connection : connections_) {
    if (connection->subscribed) connection->send(Channel::control, event);
  }
}

}  // namespace podrun
