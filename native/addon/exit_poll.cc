#include <sys/wait.h>

#include "addon/napi/failure.h"
#include "addon/reap.h"

namespace podrun {

void ExitPoll::start() {
  if (polling_ || exit_) return;
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env_, &loop);
  if (const int error = uv_poll_init(loop, &poll_, pidfd_.get()); error != 0) {
    throw SysError{-error, "epoll_ctl", "pidfd", {}};
  }
  poll_.data = this;
  self_ = shared_from_this();
  polling_ = true;
  uv_unref(reinterpret_cast<uv_handle_t*>(&poll_));
  napi_add_async_cleanup_hook(
      env_,
      [](napi_async_cleanup_hook_handle, void* data) {
        auto* self = static_cast<ExitPoll*>(data);
        self->listener_ = nullptr;
        self->stop();
      },
      this, &hook_);
  uv_poll_start(&poll_, UV_READABLE,
                [](uv_poll_t* poll, int, int) { static_cast<ExitPoll*>(poll->data)->readable(); });
}

void ExitPoll::keepAlive(bool alive) {
  if (!polling_) return;
  auto* handle = reinterpret_cast<uv_handle_t*>(&poll_);
  alive ? uv_ref(handle) : uv_unref(handle);
}

void ExitPoll::readable() {
  exit_ = Exit{};
  if (child_) {
    siginfo_t info{};
    // __WALL, because the exit signal is 0 and not SIGCHLD (waitpid(2), "__WCLONE").
    const int failed = waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG | __WALL);
    if (failed == 0 && info.si_pid == 0) {
      exit_.reset();
      return;
    }
    if (failed == 0 && info.si_code == CLD_EXITED) exit_->exitCode = info.si_status;
    if (failed == 0 && info.si_code != CLD_EXITED) exit_->signal = info.si_status;
    // ECHILD: the embedding program ignores SIGCHLD or waits for everything; that it ended is all there is to
    // know.
  }
  stop();
  if (Listener* listener = std::exchange(listener_, nullptr)) listener->ended();
}

void ExitPoll::release() {
  listener_ = nullptr;
  if (!polling_) return;
  keepAlive(false);
  if (!child_) stop();
}

void ExitPoll::stop() {
  if (!polling_) return;
  polling_ = false;
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), [](uv_handle_t* handle) {
    auto* self = static_cast<ExitPoll*>(handle->data);
    napi_remove_async_cleanup_hook(self->hook_);
    self->self_.reset();
  });
}

}  // namespace podrun
