#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sandbox/connection.h"
#include "sandbox/containers.h"
#include "sandbox/exec.h"
#include "sandbox/loop.h"

namespace podrun {

/** One Pod: its connections, containers and exec sessions, and the rules of its end. Decides nothing else. */
class Sandbox final : public ConnectionOwner, public ContainerOwner, public ExecOwner {
 public:
  /** `control` is the supervising connection. SIGCHLD and SIGTERM are blocked already. */
  Sandbox(unique_fd control, unique_fd signals);
  /** Until the Pod has ended. */
  void run();

 private:
  // What connections, containers and sessions tell.
  void onFrame(Connection& connection, Channel channel, std::string_view payload) override;
  void onClosed(Connection& connection) override;
  void onSent(Connection& connection) override;
  void onStarted(Container& container) override;
  void onStartFailed(Container& container, const Report& failure) override;
  void onEnded(Container& container) override;
  void onExecStarted(ExecSession& session) override;
  void onExecFailed(ExecSession& session, const Report& failure) override;
  void onExecEnded(ExecSession& session, int exitCode, int signal) override;

  // sandbox.cc: life and end.
  void onSignal(uint32_t);
  void onListener(uint32_t);
  void onGraceTimer(uint32_t);
  void reapChildren();
  bool dispatchReaped(pid_t pid, const siginfo_t& info);
  void stopGracefully();
  void killAll();
  bool hasContainers() const;
  void sweep();

  // protocol.cc: frames and responses; requests.cc: the methods.
  void onRequest(Connection& connection, std::string_view text);
  void call(Connection& connection, const std::string& method, json::Fields& params);
  void init(Connection& connection, json::Fields& params);
  void holdFds(Connection& connection);
  void start(Connection& connection, json::Fields& params);
  void exec(Connection& connection, json::Fields& params);
  void signal(Connection& connection, json::Fields& params);
  void state(Connection& connection);
  void subscribe(Connection& connection);
  Status prepareStart(StartRequest& request);
  void respond(Connection& connection, json::Object& result);
  void respondFailure(Connection& connection, const Report& failure);
  void respondError(Connection& connection, const SysError& error, const char* step);
  void broadcast(std::string_view event);
  Container* find(const std::string& name);

  Loop loop_;
  MemberSource<Sandbox, &Sandbox::onSignal> signals_;
  MemberSource<Sandbox, &Sandbox::onListener> listener_;
  MemberSource<Sandbox, &Sandbox::onGraceTimer> graceTimer_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Container>> containers_;
  std::vector<std::unique_ptr<ExecSession>> sessions_;
  Connection* supervisor_;
  /** Who asked for the start of a container and waits for the answer. */
  struct Starter {
    Container* container;
    Connection* connection;
  };
  std::vector<Starter> starters_;
  std::string hostname_;
  bool initialised_ = false;
  bool stopOnLoss_ = true;
  int64_t graceMs_ = 0;
  bool stopping_ = false;
  bool done_ = false;
};

}  // namespace podrun
