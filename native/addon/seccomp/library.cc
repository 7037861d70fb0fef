#include "addon/seccomp/library.h"

#include <dlfcn.h>

#include <mutex>
#include <optional>

#include "addon/napi/failure.h"

namespace podrun::seccomp {
namespace {

constexpr const char* kName = "libseccomp.so.2";

template <typename Function>
void find(void* handle, const char* symbol, Function& function) {
  function = reinterpret_cast<Function>(dlsym(handle, symbol));
  if (function == nullptr) throw SysError{ENOENT, "dlsym", symbol, std::string("load ") + kName};
}

Library load() {
  // Never closed: its functions are used until the process ends.
  void* handle = dlopen(kName, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) throw SysError{ENOENT, "dlopen", kName, dlerror()};
  Library library{};
  find(handle, "seccomp_init", library.init);
  find(handle, "seccomp_release", library.release);
  find(handle, "seccomp_attr_set", library.setAttribute);
  find(handle, "seccomp_arch_add", library.addArchitecture);
  find(handle, "seccomp_arch_native", library.nativeArchitecture);
  find(handle, "seccomp_arch_resolve_name", library.resolveArchitecture);
  find(handle, "seccomp_syscall_resolve_name", library.resolve);
  find(handle, "seccomp_syscall_resolve_name_arch", library.resolveFor);
  find(handle, "seccomp_rule_add_array", library.addRule);
  find(handle, "seccomp_export_bpf", library.exportBpf);
  return library;
}

}  // namespace

const Library& library() {
  static std::mutex mutex;
  static std::optional<Library> loaded;
  const std::lock_guard lock(mutex);
  if (!loaded) loaded = load();
  return *loaded;
}

}  // namespace podrun::seccomp
