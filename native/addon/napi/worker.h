#pragma once

#include <napi.h>
#include <uv.h>

#include <memory>
#include <mutex>
#include <type_traits>
#include <variant>
#include <vector>

#include "addon/napi/failure.h"

namespace podrun {

/** One call that runs on a thread of its own and settles a promise afterwards. */
class Job {
 public:
  virtual ~Job() = default;
  /** On its own thread, all signals blocked. The thread ends afterwards, so that it may enter namespaces. */
  virtual void run() = 0;
  /** On the thread of JavaScript. */
  virtual void settle(Napi::Env env) = 0;
};

/**
 * Brings finished jobs of one environment (the main thread or a Worker) back to its event loop.
 *
 * Not a napi_threadsafe_function: one of those per call costs more than the calls here, and a thread that
 * outlives a terminated Worker would use it after it is freed (nodejs/node#55877). Threads hold this object
 * by shared_ptr, and a job that comes too late is dropped.
 */
class Completions : public std::enable_shared_from_this<Completions> {
 public:
  static std::shared_ptr<Completions> open(Napi::Env env);
  /** Starts the thread. The event loop stays alive until the job is settled. */
  void start(std::unique_ptr<Job> job);

 private:
  explicit Completions(Napi::Env env) : env_(env) {}
  void finished(std::unique_ptr<Job> job);
  void settleAll();

  Napi::Env env_;
  size_t pending_ = 0;           // of the loop's thread
  std::mutex mutex_;             // guards the two below
  uv_async_t* async_ = nullptr;  // null once the environment is going away
  std::vector<std::unique_ptr<Job>> finished_;
};

/** The environment's Completions (see env.h), here so that this header stands alone. */
std::shared_ptr<Completions> completionsOf(Napi::Env env);

template <typename Work, typename Convert>
class PromiseWorker final : public Job {
 public:
  using Value = std::invoke_result_t<Work&>;
  PromiseWorker(Napi::Env env, Work work, Convert convert)
      : deferred_(Napi::Promise::Deferred::New(env)), work_(std::move(work)), convert_(std::move(convert)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

  void run() override {
    try {
      outcome_.template emplace<1>(work_());
    } catch (SysError& error) {
      outcome_.template emplace<2>(std::move(error));
    } catch (CodedError& error) {
      outcome_.template emplace<3>(std::move(error));
    } catch (const std::bad_alloc&) {
      outcome_.template emplace<2>(SysError{ENOMEM, "malloc", {}, {}});
    }
  }

  void settle(Napi::Env env) override {
    if (auto* error = std::get_if<2>(&outcome_)) return deferred_.Reject(toJs(env, *error).Value());
    if (auto* error = std::get_if<3>(&outcome_)) return deferred_.Reject(toJs(env, *error).Value());
    try {
      deferred_.Resolve(convert_(env, std::move(*std::get_if<1>(&outcome_))));
    } catch (const Napi::Error& error) {
      deferred_.Reject(error.Value());
    }
  }

 private:
  Napi::Promise::Deferred deferred_;
  Work work_;
  Convert convert_;
  std::variant<std::monostate, Value, SysError, CodedError> outcome_;
};

/**
 * Runs `work` on a thread of its own and resolves with `convert(env, value)`. `work` must not touch
 * JavaScript; it returns a value (`Done` for none) or throws SysError or CodedError. What it captures must
 * not hold JS references: it is destroyed on the work's thread when the environment has gone.
 */
template <typename Work, typename Convert>
Napi::Value runOnThread(Napi::Env env, Work work, Convert convert) {
  auto worker = std::make_unique<PromiseWorker<Work, Convert>>(env, std::move(work), std::move(convert));
  const Napi::Promise promise = worker->promise();
  completionsOf(env)->start(std::move(worker));
  return promise;
}

inline Napi::Value toUndefined(Napi::Env env, Done) {
  return env.Undefined();
}

}  // namespace podrun
