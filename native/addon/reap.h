#pragma once

#include <napi.h>
#include <uv.h>

#include <memory>
#include <optional>

#include "base/fd.h"

namespace podrun {

/**
 * A pidfd polled by the event loop. It outlives its Pidfd object for as long as a child is not reaped, so
 * that neither close() nor the garbage collector leaves a zombie.
 */
class ExitPoll : public std::enable_shared_from_this<ExitPoll> {
 public:
  struct Exit {
    std::optional<int> exitCode;
    std::optional<int> signal;
  };
  /** Told once that the process has ended; may destroy the listener. */
  class Listener {
   public:
    virtual void ended() = 0;

   protected:
    ~Listener() = default;
  };

  ExitPoll(Napi::Env env, unique_fd pidfd, bool child) : env_(env), pidfd_(std::move(pidfd)), child_(child) {}

  void start();
  void listen(Listener* listener) { listener_ = listener; }
  void keepAlive(bool alive);
  bool child() const { return child_; }
  int pidfd() const { return pidfd_.get(); }
  const std::optional<Exit>& exit() const { return exit_; }
  /** Stops polling, unless there is a child left to reap. */
  void release();

 private:
  void readable();
  void stop();

  Napi::Env env_;
  unique_fd pidfd_;
  const bool child_;
  Listener* listener_ = nullptr;
  std::optional<Exit> exit_;
  uv_poll_t poll_{};
  bool polling_ = false;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  std::shared_ptr<ExitPoll> self_;  // while libuv knows poll_
};

/** The `Pidfd` of addon.d.ts. */
class Pidfd final : public Napi::ObjectWrap<Pidfd>, private ExitPoll::Listener {
 public:
  static Napi::Function define(Napi::Env env);
  /** `child`: the process is ours, has exit signal 0, and nobody else reaps it. */
  static Napi::Object create(Napi::Env env, unique_fd pidfd, pid_t pid, bool child);
  explicit Pidfd(const Napi::CallbackInfo& info);
  ~Pidfd() override;

 private:
  Napi::Value pid(const Napi::CallbackInfo& info);
  Napi::Value signal(const Napi::CallbackInfo& info);
  Napi::Value wait(const Napi::CallbackInfo& info);
  void ref(const Napi::CallbackInfo& info);
  void unref(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);
  void ended() override;
  void setAlive(bool alive);
  Napi::Value exitValue(Napi::Env env) const;

  pid_t pid_ = 0;
  std::shared_ptr<ExitPoll> poll_;  // null once closed
  bool refed_ = true;
  std::optional<Napi::Promise::Deferred> waiting_;
  Napi::ObjectReference promise_;  // the one that every wait() returns
};

/** Clock ticks since boot at which the process started: field 22 of /proc/<pid>/stat, see proc_pid_stat(5).
 */
int64_t startTicks(pid_t pid);

}  // namespace podrun
