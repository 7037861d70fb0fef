#include "addon/reap.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

#include <cstdlib>
#include <cstring>

#include "addon/families.h"
#include "addon/napi/args.h"
#include "addon/napi/env.h"

namespace podrun {
namespace {

/** What Pidfd::create hands to the constructor. */
struct Opened {
  unique_fd pidfd;
  pid_t pid;
  bool child;
};

bool hasEnded(int pidfd) {
  pollfd state{pidfd, POLLIN, 0};
  return poll(&state, 1, 0) == 1;
}

Napi::Value openPidfd(const Napi::CallbackInfo& info) {
  const auto pid = static_cast<pid_t>(argument(info, 0, "pid").integer(1, INT32_MAX));
  const auto ticks = argument(info, 1, "startTicks").optionalInteger(0, kMaxSafeInteger);
  unique_fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) {
    // EINVAL: the number is now a thread's that leads no group.
    if (errno == ESRCH || errno == EINVAL) return info.Env().Null();
    raise("pidfd_open", std::to_string(pid));
  }
  // After the pidfd is open: the pid can't be reused between the comparison and the use.
  if (ticks && startTicks(pid) != *ticks) return info.Env().Null();
  return Pidfd::create(info.Env(), std::move(pidfd), pid, false);
}

}  // namespace

int64_t startTicks(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  const unique_fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char text[1024];
  const ssize_t size = fd ? read(fd.get(), text, sizeof text - 1) : -1;
  if (size <= 0) return -1;
  text[size] = '\0';
  // The name in field 2 may hold blanks and parentheses, so count from its last parenthesis: what follows is
  // field 3.
  const char* field = strrchr(text, ')');
  for (int number = 2; field != nullptr && number < 22; ++number) field = strchr(field + 1, ' ');
  return field == nullptr ? -1 : strtoll(field, nullptr, 10);
}

Napi::Function Pidfd::define(Napi::Env env) {
  return DefineClass(
      env, "Pidfd",
      {InstanceAccessor<&Pidfd::pid>("pid", napi_enumerable), InstanceMethod<&Pidfd::signal>("signal"),
       InstanceMethod<&Pidfd::wait>("wait"), InstanceMethod<&Pidfd::ref>("ref"),
       InstanceMethod<&Pidfd::unref>("unref"), InstanceMethod<&Pidfd::close>("close")});
}

Napi::Object Pidfd::create(Napi::Env env, unique_fd pidfd, pid_t pid, bool child) {
  Opened opened{std::move(pidfd), pid, child};
  return envData(env).pidfd.New({Napi::External<Opened>::New(env, &opened)});
}

Pidfd::Pidfd(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Pidfd>(info) {
  if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "Pidfd cannot be constructed");
  auto* opened = info[0].As<Napi::External<Opened>>().Data();
  pid_ = opened->pid;
  poll_ = std::make_shared<ExitPoll>(info.Env(), std::move(opened->pidfd), opened->child);
  // A child is reaped whether anybody waits for it or not.
  if (opened->child) guarded(info.Env(), [this] { poll_->start(); });
}

Pidfd::~Pidfd() {
  if (poll_) poll_->release();
}

Napi::Value Pidfd::pid(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), pid_);
}

Napi::Value Pidfd::signal(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto number = static_cast<int>(argument(info, 0, "signal").integer(0, SIGRTMAX));
    if (!poll_) throw SysError{EBADF, "pidfd_send_signal", std::to_string(pid_), {}};
    // A zombie accepts signals; to the caller it has ended.
    if (poll_->exit() || hasEnded(poll_->pidfd())) return Napi::Boolean::New(info.Env(), false);
    const bool sent = syscall(SYS_pidfd_send_signal, poll_->pidfd(), number, nullptr, 0) == 0;
    if (!sent && errno != ESRCH) raise("pidfd_send_signal", std::to_string(pid_));
    return Napi::Boolean::New(info.Env(), sent);
  });
}

Napi::Value Pidfd::wait(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    if (!promise_.IsEmpty()) return promise_.Value();
    if (!poll_) throw SysError{EBADF, "waitid", std::to_string(pid_), {}};
    poll_->start();
    const auto deferred = Napi::Promise::Deferred::New(info.Env());
    promise_ = Napi::Persistent(deferred.Promise().As<Napi::Object>());
    if (poll_->exit()) {
      deferred.Resolve(exitValue(info.Env()));
    } else {
      waiting_ = deferred;
      Ref();  // whoever holds the promise alone must still be told
      poll_->listen(this);
      poll_->keepAlive(refed_);
    }
    return promise_.Value();
  });
}

void Pidfd::ended() {
  if (!waiting_) return;
  const Napi::HandleScope handles(Env());
  const Napi::AsyncContext context(Env(), "podrun");
  const Napi::CallbackScope scope(Env(), context);
  waiting_->Resolve(exitValue(Env()));
  waiting_.reset();
  Unref();
}

Napi::Value Pidfd::exitValue(Napi::Env env) const {
  const auto number = [env](const std::optional<int>& value) {
    return value ? Napi::Value(Napi::Number::New(env, *value)) : env.Null();
  };
  Napi::Object result = Napi::Object::New(env);
  result.Set("exitCode", number(poll_->exit()->exitCode));
  result.Set("signal", number(poll_->exit()->signal));
  return result;
}

void Pidfd::setAlive(bool alive) {
  refed_ = alive;
  if (poll_ && waiting_) poll_->keepAlive(alive);
}

void Pidfd::ref(const Napi::CallbackInfo&) {
  setAlive(true);
}

void Pidfd::unref(const Napi::CallbackInfo&) {
  setAlive(false);
}

void Pidfd::close(const Napi::CallbackInfo& info) {
  if (!poll_) return;
  poll_->release();
  poll_.reset();
  if (!waiting_) return;
  waiting_->Reject(
      toJs(info.Env(), SysError{ECANCELED, "waitid", std::to_string(pid_), "pidfd closed"}).Value());
  waiting_.reset();
  Unref();
}

void registerReap(Napi::Env env, Napi::Object exports) {
  envData(env).pidfd = Napi::Persistent(Pidfd::define(env));
  exportFunction<openPidfd>(exports, "openPidfd");
}

}  // namespace podrun
