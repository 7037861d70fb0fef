#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "addon/families.h"
#include "addon/napi/args.h"
#include "addon/reap.h"
#include "addon/spawn/clone3.h"
#include "addon/spawn/sealed_binary.h"

namespace podrun {
namespace {

// Parent and child share memory until exec (CLONE_VM), and the parent's thread stands still meanwhile
// (CLONE_VFORK):
//
//   parent                                   child
//   descriptors, argv, Child prepared
//   all signals blocked
//   clone3 ───────────────────────────────►  on its own stack, dispositions at default
//   (suspended)                              descriptors 0-3, session, signals, execveat
//   clone3 returns ◄── exec done ──────────  podrun-sandbox runs
//          or      ◄── exit, Child.error ──  what failed is in the parent's memory
//
// The other threads of the process go on, so the child may use neither malloc, locks nor stdio, only system
// calls.

constexpr size_t kStackBytes = 32 * 1024;
constexpr size_t kKernelSignalBytes = 8;  // the kernel's sigset_t: 64 signals
constexpr int kSignals = 64;

struct Child {
  int null;
  int control;
  int binary;
  int error = 0;
  const char* syscall = nullptr;
};

/** The kernel's struct sigaction, zero: SIG_DFL with nothing else. */
struct KernelSigaction {
  unsigned long words[4] = {};
};

/** Everything the child does, in order. Only system calls: see above. */
int runChild(void* argument) {
  auto* child = static_cast<Child*>(argument);
  const auto done = [child](const char* name, long result) {
    if (result >= 0) return true;
    child->syscall = name;
    child->error = errno;
    return false;
  };
  // A session of its own, so that a terminal's Ctrl-C reaches podrun alone, which then ends the Pod
  // gracefully.
  if (!done("setsid", setsid())) return 127;
  for (int fd = 0; fd < 3; ++fd) {
    if (!done("dup2", dup2(child->null, fd))) return 127;
  }
  if (!done("dup2", dup2(child->control, 3))) return 127;
  // libuv opens some descriptors without O_CLOEXEC, so everything beyond is closed by number. The copy of the
  // descriptor table is ours alone (no CLONE_FILES).
  if (!done("dup3", dup3(child->binary, 4, O_CLOEXEC))) return 127;
  if (!done("close_range", syscall(SYS_close_range, 5U, ~0U, 0))) return 127;
  if (!done("chdir", chdir("/"))) return 127;
  umask(0022);

  // CLONE_CLEAR_SIGHAND has reset handlers, but what is ignored (SIGPIPE, by Node) would stay so across exec.
  // By system call, because glibc refuses 32 and 33; SIGKILL and SIGSTOP fail and are as they should be.
  // Before the mask goes.
  const KernelSigaction byDefault;
  for (int signal = 1; signal <= kSignals; ++signal) {
    syscall(SYS_rt_sigaction, signal, &byDefault, nullptr, kKernelSignalBytes);
  }
  const uint64_t none = 0;
  if (!done("rt_sigprocmask", syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kKernelSignalBytes)))
    return 127;

  const char* const arguments[] = {"podrun-sandbox", nullptr};
  const char* const environment[] = {nullptr};
  done("execveat", syscall(SYS_execveat, 4, "", arguments, environment, AT_EMPTY_PATH));
  return 127;
}

/** The descriptor, moved out of the way of those that the child puts into place. */
unique_fd clearOf(unique_fd fd, const char* what) {
  if (!fd || fd.get() >= 5) return fd;
  unique_fd moved(fcntl(fd.get(), F_DUPFD_CLOEXEC, 5));
  if (!moved) raise("fcntl", what);
  return moved;
}

/** Blocks every signal of this thread, glibc's own included: a handler would run on the memory both share. */
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    const uint64_t all = ~uint64_t{0};
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before_, kKernelSignalBytes);
  }
  ~AllSignalsBlocked() { syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, kKernelSignalBytes); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  uint64_t before_ = 0;
};

struct Spawned {
  pid_t pid;
  unique_fd pidfd;
};

Spawned clone(Child& child, const std::string& cgroup, uint64_t namespaces) {
  const unique_fd group(open(cgroup.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!group) raise("open", cgroup);
  alignas(16) char stack[kStackBytes];
  int pidfd = -1;
  clone_args args{};
  args.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP | namespaces;
  args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  args.stack = reinterpret_cast<uint64_t>(stack);
  args.stack_size = sizeof stack;
  args.cgroup = static_cast<uint64_t>(group.get());
  // exit_signal stays 0: libuv's SIGCHLD handler would look for a child of its own. The price is __WALL in
  // waitid.
  long pid;
  {
    const AllSignalsBlocked blocked;
    pid = podrun_clone3(&args, sizeof args, runChild, &child);
  }
  if (pid < 0) throw SysError{static_cast<int>(-pid), "clone3", cgroup, "start the sandbox"};
  return {static_cast<pid_t>(pid), unique_fd(pidfd)};
}

Spawned spawn(const std::string& binary, const unique_fd& image, const std::string& cgroup,
              uint64_t namespaces, int control) {
  const unique_fd null = clearOf(unique_fd(open("/dev/null", O_RDWR | O_CLOEXEC)), "/dev/null");
  if (!null) raise("open", "/dev/null");
  Child child{null.get(), control, image.get()};
  Spawned spawned = clone(child, cgroup, namespaces);
  if (child.error != 0) {
    waitid(P_PIDFD, static_cast<id_t>(spawned.pidfd.get()), nullptr, WEXITED | __WALL);
    throw SysError{child.error, child.syscall, binary, "start the sandbox"};
  }
  return spawned;
}

std::vector<pid_t> pids(const Argument& peers) {
  if (peers.missing()) return {};
  const std::vector<int64_t> numbers = peers.integers(1, INT32_MAX);
  return {numbers.begin(), numbers.end()};
}

Napi::Value startSandbox(const Napi::CallbackInfo& info) {
  const Argument options = argument(info, 0, "options");
  const std::string binary = options["binary"].string();
  const std::string cgroup = options["cgroup"].string();
  uint64_t namespaces = CLONE_NEWNS | CLONE_NEWUTS;
  if (!options["hostNetwork"].booleanOr(false)) namespaces |= CLONE_NEWNET;
  if (!options["hostIpc"].booleanOr(false)) namespaces |= CLONE_NEWIPC;

  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) raise("socketpair");
  unique_fd ours(pair[0]);
  const unique_fd theirs = clearOf(unique_fd(pair[1]), "control socket");
  // Ours only: O_NONBLOCK belongs to the open file description, and each end is one.
  if (fcntl(ours.get(), F_SETFL, O_NONBLOCK) != 0) raise("fcntl", "control socket");

  Spawned spawned =
      spawn(binary, sealedBinary(binary, pids(options["peers"])), cgroup, namespaces, theirs.get());
  const Napi::Env env = info.Env();
  Napi::Object result = Napi::Object::New(env);
  result.Set("pid", Napi::Number::New(env, spawned.pid));
  result.Set("startTicks", Napi::Number::New(env, static_cast<double>(startTicks(spawned.pid))));
  result.Set("process", Pidfd::create(env, std::move(spawned.pidfd), spawned.pid, true));
  result.Set("controlFd", Napi::Number::New(env, ours.release()));
  return result;
}

}  // namespace

void registerSpawn(Napi::Env, Napi::Object exports) {
  exportFunction<startSandbox>(exports, "startSandbox");
}

}  // namespace podrun
