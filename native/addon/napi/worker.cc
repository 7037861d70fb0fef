#include "addon/napi/worker.h"

#include <signal.h>

#include <system_error>
#include <thread>

namespace podrun {

std::shared_ptr<Completions> Completions::open(Napi::Env env) {
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  std::shared_ptr<Completions> self(new Completions(env));
  self->async_ = new uv_async_t;
  self->async_->data = self.get();
  uv_async_init(loop, self->async_, [](uv_async_t* async) {
    static_cast<Completions*>(async->data)->shared_from_this()->settleAll();
  });
  uv_unref(reinterpret_cast<uv_handle_t*>(self->async_));

  // Asynchronous, so that Node turns the loop until the handle is closed: a Worker's loop is asserted to be
  // empty.
  auto* held = new std::shared_ptr<Completions>(self);
  napi_add_async_cleanup_hook(
      env,
      [](napi_async_cleanup_hook_handle hook, void* data) {
        std::unique_ptr<std::shared_ptr<Completions>> held(static_cast<std::shared_ptr<Completions>*>(data));
        uv_async_t* async = nullptr;
        {
          const std::lock_guard lock((*held)->mutex_);
          async = std::exchange((*held)->async_, nullptr);
        }
        async->data = hook;
        uv_close(reinterpret_cast<uv_handle_t*>(async), [](uv_handle_t* handle) {
          napi_remove_async_cleanup_hook(static_cast<napi_async_cleanup_hook_handle>(handle->data));
          delete reinterpret_cast<uv_async_t*>(handle);
        });
      },
      held, nullptr);
  return self;
}

void Completions::start(std::unique_ptr<Job> job) {
  auto self = shared_from_this();
  Job* raw = job.release();
  try {
    std::thread([self, raw] {
      // The process's signals are for threads that have handlers to run; here they would only interrupt
      // system calls.
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_SETMASK, &all, nullptr);
      std::unique_ptr<Job> job(raw);
      job->run();
      self->finished(std::move(job));
    }).detach();
  } catch (const std::system_error& error) {
    delete raw;
    throw SysError{error.code().value(), "pthread_create", {}, {}};
  }
  if (pending_++ == 0 && async_ != nullptr) uv_ref(reinterpret_cast<uv_handle_t*>(async_));
}

void Completions::finished(std::unique_ptr<Job> job) {
  const std::lock_guard lock(mutex_);
  if (async_ == nullptr) return;
  finished_.push_back(std::move(job));
  uv_async_send(async_);
}

void Completions::settleAll() {
  std::vector<std::unique_ptr<Job>> jobs;
  {
    const std::lock_guard lock(mutex_);
    jobs.swap(finished_);
  }
  pending_ -= jobs.size();
  if (pending_ == 0 && async_ != nullptr) uv_unref(reinterpret_cast<uv_handle_t*>(async_));

  const Napi::HandleScope handles(env_);
  const Napi::AsyncContext context(env_, "podrun");
  for (auto& job : jobs) {
    // Closing the scope runs the microtasks, that is, whatever awaits this promise, before the next one is
    // settled.
    const Napi::CallbackScope scope(env_, context);
    job->settle(env_);
  }
}

}  // namespace podrun
