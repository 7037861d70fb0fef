#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "base/json.h"
#include "init/mount/mount_api.h"
#include "sandbox/messages.h"
#include "sandbox/sandbox.h"

namespace podrun {
namespace {

using json::Fields;
using json::Need;

constexpr size_t kMaxConfig = 4 << 20;
constexpr int kHeldFds[] = {4, 5};

Result<unique_fd> listenOn(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return SysError{ENAMETOOLONG, "bind", path, {}, {}};
  memcpy(address.sun_path, path.c_str(), path.size() + 1);
  unique_fd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener) return SysError::last("socket");
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return SysError::last("unlink", path);
  const mode_t before = umask(0177);  // born with mode 0600: a chmod afterwards would leave a moment
  const int bound = bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address));
  const SysError error = SysError::last("bind", path);
  umask(before);
  if (bound != 0) return error;
  if (listen(listener.get(), 64) != 0) return SysError::last("listen", path);
  return listener;
}

/** The Pod's /dev/shm: attached in the sandbox's own mount namespace, from where containers bind it. */
Status mountShm(const std::string& directory, int64_t bytes) {
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return SysError::last("mkdir", directory);
  unique_fd target(open(directory.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!target) return SysError::last("open", directory);
  Result<unique_fd> shm = newFilesystem("tmpfs", "shm", {"mode=1777", "size=" + std::to_string(bytes)},
                                        MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (!shm) return std::move(shm.error());
  return attach(shm->get(), target.get(), directory);
}

Result<std::string> readFile(const std::string& path) {
  unique_fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return SysError::last("open", path);
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return SysError::last("fstat", path);
  if (!S_ISREG(info.st_mode) || info.st_size > off_t{kMaxConfig})
    return SysError::refused("not a file of at most 4 MiB", path);
  std::string text(static_cast<size_t>(info.st_size), '\0');
  if (read(fd.get(), text.data(), text.size()) != info.st_size) return SysError::last("read", path);
  return text;
}

void respondEmpty(Connection& connection) {
  json::Object response;
  response.number("id", connection.requestId).begin("result").end();
  connection.send(Channel::control, response.done());
}

}  // namespace

void Sandbox::init(Connection& connection, Fields& params) {
  std::string socket;
  std::string onLoss;
  int64_t graceSeconds = 0;
  int64_t shmBytes = 0;
  params.text("hostname", hostname_);
  params.text("socket", socket);
  params.text("onSupervisorLoss", onLoss);
  params.number("graceSeconds", 0, INT32_MAX, graceSeconds);
  params.number("shmSizeBytes", 1, INT64_MAX, shmBytes);
  if (!socket.starts_with('/')) params.fail("socket", "expected an absolute path");
  if (onLoss != "stop" && onLoss != "keep") params.fail("onSupervisorLoss", "expected stop or keep");
  if (!params.complete()) return;
  stopOnLoss_ = onLoss == "stop";
  graceMs_ = graceSeconds * 1000;
  if (sethostname(hostname_.c_str(), hostname_.size()) != 0) {
    return respondError(connection, SysError::last("sethostname", hostname_), "set the hostname");
  }
  if (Status mounted = mountShm(socket.substr(0, socket.rfind('/')) + "/shm", shmBytes); !mounted) {
    return respondError(connection, mounted.error(), "mount /dev/shm");
  }
  Result<unique_fd> listener = listenOn(socket);
  if (!listener) return respondError(connection, listener.error(), "listen");
  listener_.open(std::move(*listener), EPOLLIN);
  initialised_ = true;
  json::Object response;
  response.number("id", connection.requestId).begin("result").number("pid", getpid()).end();
  respond(connection, response);
}

void Sandbox::holdFds(Connection& connection) {
  std::vector<unique_fd> fds = std::move(connection.fds());
  connection.fds().clear();
  if (fds.size() != 2)
    return respondError(connection, SysError::refused("expected two descriptors"), "hold descriptors");
  for (size_t i = 0; i < 2; i++) {
    if (dup3(fds[i].get(), kHeldFds[i], O_CLOEXEC) < 0)
      return respondError(connection, SysError::last("dup3"), "hold descriptors");
  }
  respondEmpty(connection);
}

Status Sandbox::prepareStart(StartRequest& request) {
  if (stopping_) return SysError::refused("the sandbox is stopping");
  const Container* before = find(request.name);
  if (before != nullptr && !before->isOver())
    return SysError::refused("container \"" + request.name + "\" has not ended");
  Result<std::string> text = readFile(request.start.bundle + "/config.json");
  if (!text) return std::move(text.error());
  Result<oci::Config> config = oci::parseConfig(*text);
  if (!config) return std::move(config.error());
  if (config->process.terminal) return SysError::refused("config.json.process.terminal: not supported yet");
  if (!config->hostname.empty() && config->hostname != hostname_) {
    return SysError::refused("config.json.hostname: not the Pod's, which is " + hostname_);
  }
  request.start.config = std::move(*config);
  return Done{};
}

void Sandbox::start(Connection& connection, Fields& params) {
  StartRequest request;
  readStart(params, request);
  if (!params.complete()) return;
  if (Status prepared = prepareStart(request); !prepared)
    return respondError(connection, prepared.error(), "prepare");
  const std::string name = request.name;
  auto container = std::make_unique<Container>(loop_, *this, std::move(request));
  if (Status launched = container->launch(); !launched)
    return respondError(connection, launched.error(), "start");
  std::erase_if(containers_, [&](const auto& other) { return other->request().name == name; });
  connection.pause();
  starters_.push_back(Starter{container.get(), &connection});
  containers_.push_back(std::move(container));
}

void Sandbox::exec(Connection& connection, Fields& params) {
  std::string name;
  bool wantsStdin = false;
  ExecStart start;
  params.text("container", name);
  params.object("process", [&](Fields& process) { oci::readProcess(process, start.process); });
  params.flag("stdin", wantsStdin);
  if (!params.complete()) return;
  if (connection.subscribed || connection.session != nullptr) {
    return respondError(connection, SysError::refused("an exec session needs a connection of its own"),
                        "exec");
  }
  Container* container = find(name);
  if (container == nullptr || container->state() != Container::State::running) {
    return respondError(connection, SysError::refused("container \"" + name + "\" is not running"), "exec");
  }
  start.cgroup = container->request().start.cgroup;
  start.seccompBpf = container->request().start.seccompBpf;
  start.pidfd = container->pidfd();
  auto session = std::make_unique<ExecSession>(loop_, *this, connection, std::move(start), wantsStdin);
  if (Status launched = session->launch(); !launched)
    return respondError(connection, launched.error(), "exec");
  connection.session = session.get();
  connection.pause();
  sessions_.push_back(std::move(session));
}

void Sandbox::signal(Connection& connection, Fields& params) {
  std::string name;
  int64_t number = 0;
  bool all = false;
  params.text("container", name);
  params.number("signal", 0, 64, number);
  params.flag("all", all, Need::optional);
  if (all && number != SIGKILL) params.fail("all", "only with signal 9");
  if (!params.complete()) return;
  Container* container = find(name);
  const bool running = container != nullptr && container->hasProcess();
  if (running && all) container->kill();
  const bool sent = running && (all || container->signal(static_cast<int>(number)));
  json::Object response;
  response.number("id", connection.requestId).begin("result").flag("sent", sent).end();
  respond(connection, response);
}

void Sandbox::state(Connection& connection) {
  json::Object response;
  response.number("id", connection.requestId).begin("result").beginArray("containers");
  for (const auto& container : containers_) {
    if (container->state() == Container::State::failed) continue;
    const bool running = !container->isOver();
    response.beginElement();
    response.text("name", container->request().name)
        .number("attempt", container->request().attempt)
        .flag("running", running);
    if (!running) {
      addExit(response, container->record());
    } else {
      response.number("pid", container->pid()).text("startedAt", container->record().startedAt);
    }
    response.end();
  }
  response.endArray().flag("stopping", stopping_).end();
  respond(connection, response);
}

void Sandbox::subscribe(Connection& connection) {
  connection.subscribed = true;
  respondEmpty(connection);
}

}  // namespace podrun
