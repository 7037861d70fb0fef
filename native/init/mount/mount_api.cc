#include "init/mount/mount_api.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

namespace podrun {
namespace {

/** What the filesystem itself says of a failed step: a context is read like a log, one "e ..." line a time
 * (Linux 5.2). */
std::string contextMessage(int context) {
  char line[256];
  const ssize_t length = read(context, line, sizeof(line));
  if (length <= 2 || line[0] != 'e') return {};
  std::string text(line + 2, static_cast<size_t>(length) - 2);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

SysError contextError(int context, std::string what) {
  SysError error = SysError::last("fsconfig", std::move(what));
  error.message = contextMessage(context);
  return error;
}

}  // namespace

Result<unique_fd> newFilesystem(const char* type, const std::string& source,
                                const std::vector<std::string>& options, uint64_t attributes) {
  unique_fd context(fsopen(type, FSOPEN_CLOEXEC));
  if (!context) return SysError::last("fsopen", type);
  if (fsconfig(context.get(), FSCONFIG_SET_STRING, "source", source.c_str(), 0) != 0) {
    return contextError(context.get(), source);
  }
  for (const std::string& option : options) {
    const size_t equals = option.find('=');
    const int set = equals == std::string::npos
                        ? fsconfig(context.get(), FSCONFIG_SET_FLAG, option.c_str(), nullptr, 0)
                        : fsconfig(context.get(), FSCONFIG_SET_STRING, option.substr(0, equals).c_str(),
                                   option.c_str() + equals + 1, 0);
    if (set != 0)
      return contextError(context.get(), equals == std::string::npos ? option : option.substr(equals + 1));
  }
  if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return contextError(context.get(), type);
  unique_fd mount(fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes)));
  if (!mount) return SysError::last("fsmount", type);
  return mount;
}

Result<unique_fd> cloneTree(int directory, const std::string& path, bool recursive) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0u) |
                         (path.empty() ? static_cast<unsigned>(AT_EMPTY_PATH) : 0u);
  unique_fd tree(open_tree(directory, path.c_str(), flags));
  if (!tree) return SysError::last("open_tree", path);
  return tree;
}

Status setMount(int mount, const MountChange& change, bool recursive) {
  mount_attr attributes{};
  attributes.attr_set = change.set;
  attributes.attr_clr = change.clear;
  attributes.propagation = change.propagation;
  const unsigned flags = static_cast<unsigned>(AT_EMPTY_PATH) | (recursive ? AT_RECURSIVE : 0u);
  if (mount_setattr(mount, "", flags, &attributes, sizeof(attributes)) != 0)
    return SysError::last("mount_setattr");
  return Done{};
}

Status attach(int mount, int target, const std::string& name) {
  if (move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    return SysError::last("move_mount", name);
  }
  return Done{};
}

}  // namespace podrun
