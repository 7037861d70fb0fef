#pragma once

#include <seccomp.h>

namespace podrun::seccomp {

/**
 * The functions of libseccomp.so.2 that are used. Loaded on first use instead of linked: LGPL, and a machine
 * that runs only unconfined containers does not need it.
 */
struct Library {
  decltype(&seccomp_init) init;
  decltype(&seccomp_release) release;
  decltype(&seccomp_attr_set) setAttribute;
  decltype(&seccomp_arch_add) addArchitecture;
  decltype(&seccomp_arch_native) nativeArchitecture;
  decltype(&seccomp_arch_resolve_name) resolveArchitecture;
  decltype(&seccomp_syscall_resolve_name) resolve;
  decltype(&seccomp_syscall_resolve_name_arch) resolveFor;
  decltype(&seccomp_rule_add_array) addRule;
  decltype(&seccomp_export_bpf) exportBpf;
};

/** Throws ENOENT with the linker's words when it is not installed. */
const Library& library();

}  // namespace podrun::seccomp
