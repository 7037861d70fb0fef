#include "init/program.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rooted.h"

namespace podrun {
namespace {

constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

std::string_view searchPath(const std::vector<std::string>& env) {
  // Of a name that is there twice, getenv(3) finds the first.
  for (const std::string& variable : env) {
    if (variable.starts_with("PATH=")) return std::string_view(variable).substr(5);
  }
  return kDefaultPath;
}

SysError describe(int error, const std::string& path) {
  SysError out{error, "execve", path, {}, {}};
  struct stat info;
  const bool exists = stat(path.c_str(), &info) == 0;
  if (error == ENOEXEC) {
    out.message = "exec format error: not a program for this machine, or a script without #!";
  } else if (error == ENOENT && exists) {
    out.message = "the program is there, but its interpreter (#! line or dynamic linker) is not";
  } else if (error == EACCES && exists && S_ISDIR(info.st_mode)) {
    out.error = EISDIR;
  }
  return out;
}

}  // namespace

Status enterWorkingDirectory(int root, const std::string& path) {
  Result<unique_fd> directory = ensureInRoot(root, path, NodeKind::directory);
  if (!directory) return std::move(directory.error());
  if (fchdir(directory->get()) != 0) return SysError::last("fchdir", path);
  // The system call, not getcwd(3): that would look for a name by other means when the kernel says
  // "(unreachable)".
  char seen[PATH_MAX];
  if (syscall(SYS_getcwd, seen, sizeof(seen)) < 0) return SysError::last("getcwd", path);
  if (seen[0] != '/') return SysError::refused("the working directory is outside the container", path);
  return Done{};
}

SysError execProgram(const oci::Process& process) {
  const std::vector<char*> args = pointers(process.args);
  const std::vector<char*> env = pointers(process.env);
  const std::string& name = process.args.front();
  if (name.empty()) return SysError{ENOENT, "execve", name, {}, "the command is empty"};
  if (name.find('/') != std::string::npos) {
    execve(name.c_str(), args.data(), env.data());
    return describe(errno, name);
  }
  SysError found;
  std::string_view rest = searchPath(process.env);
  for (bool more = true; more;) {
    const size_t colon = rest.find(':');
    more = colon != std::string_view::npos;
    // An empty part is the working directory (environ(7), exec(3)).
    std::string path(rest.substr(0, colon));
    path = path.empty() ? "./" + name : path + "/" + name;
    if (more) rest.remove_prefix(colon + 1);
    execve(path.c_str(), args.data(), env.data());
    const int error = errno;
    if (access(path.c_str(), F_OK) != 0 && (error == ENOENT || error == ENOTDIR || error == EACCES)) continue;
    if (found.error == 0) found = describe(error, path);
    // As a shell does: one that may not be run does not end the search.
    if (error != EACCES) return found;
  }
  if (found.error != 0) return found;
  return SysError{ENOENT, "execve", name, {}, "not in PATH " + std::string(searchPath(process.env))};
}

int execExitCode(const SysError& error) {
  return error.error == ENOENT || error.error == ENOTDIR ? 127 : 126;
}

}  // namespace podrun
