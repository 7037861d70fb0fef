#include "addon/seccomp/program.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <set>

#include "addon/napi/failure.h"
#include "addon/seccomp/library.h"
#include "base/fd.h"

namespace podrun::seccomp {
namespace {

constexpr uint32_t kX32Bit = 0x40000000;  // __X32_SYSCALL_BIT
constexpr uint32_t kActionMask = 0xffff0000;

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

void check(int result, const char* function, const std::string& object) {
  if (result < 0) throw SysError{-result, function, object, "compile seccomp profile"};
}

/** The filter's ABIs: the machine's own, and those the profile lists. */
std::vector<uint32_t> addArchitectures(const Filter& filter, const Profile& profile) {
  std::set<uint32_t> all{library().nativeArchitecture()};
  for (const std::string& name : profile.architectures) {
    const uint32_t token = library().resolveArchitecture(name.c_str());
    if (token == 0) throw SysError{EINVAL, "seccomp_arch_resolve_name", name, "compile seccomp profile"};
    if (!all.insert(token).second) continue;
    check(library().addArchitecture(filter.get(), token), "seccomp_arch_add", name);
  }
  return {all.begin(), all.end()};
}

void addRule(const Filter& filter, const Rule& rule, int number, const std::string& name) {
  const auto add = [&](const scmp_arg_cmp* args, size_t count) {
    check(library().addRule(filter.get(), rule.action, number, static_cast<unsigned>(count), args),
          "seccomp_rule_add_array", name);
  };
  std::set<unsigned> indices;
  for (const scmp_arg_cmp& arg : rule.args) indices.insert(arg.arg);
  if (indices.size() == rule.args.size()) return add(rule.args.data(), rule.args.size());
  // Several conditions on one argument are alternatives: libseccomp can't take them in one rule, and every
  // runtime reads profiles so.
  for (const scmp_arg_cmp& arg : rule.args) add(&arg, 1);
}

void addRules(const Filter& filter, const Profile& profile) {
  for (const Rule& rule : profile.rules) {
    // libseccomp refuses (EACCES) a rule that says what happens anyway.
    if (rule.action == profile.defaultAction) continue;
    for (const std::string& name : rule.names) {
      const int number = library().resolve(name.c_str());
      if (number != __NR_SCMP_ERROR) addRule(filter, rule, number, name);
    }
  }
}

std::vector<sock_filter> exported(const Filter& filter) {
  const unique_fd file(memfd_create("podrun-seccomp", MFD_CLOEXEC));
  if (!file) raise("memfd_create");
  check(library().exportBpf(filter.get(), file.get()), "seccomp_export_bpf", "");
  struct stat size;
  if (fstat(file.get(), &size) != 0) raise("fstat");
  std::vector<sock_filter> program(static_cast<size_t>(size.st_size) / sizeof(sock_filter));
  const size_t bytes = program.size() * sizeof(sock_filter);
  if (pread(file.get(), program.data(), bytes, 0) != static_cast<ssize_t>(bytes)) raise("read");
  return program;
}

std::vector<Newest> newestOf(const Profile& profile, const std::vector<uint32_t>& architectures) {
  std::vector<Newest> all;
  for (const uint32_t architecture : architectures) {
    int newest = -1;
    for (const Rule& rule : profile.rules) {
      for (const std::string& name : rule.names) {
        // Negative: unknown, or not on this ABI.
        newest = std::max(newest, library().resolveFor(architecture, name.c_str()));
      }
    }
    if (newest >= 0) all.push_back({architecture, static_cast<uint32_t>(newest)});
  }
  return all;
}

/** Appends: if the number in the accumulator is above `newest`, fail with ENOSYS; else on to the filter. */
void compareNumber(std::vector<sock_filter>& stub, uint32_t newest) {
  stub.push_back(BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, newest, 0, 1));
  stub.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
  stub.push_back(BPF_STMT(BPF_JMP | BPF_JA, 0));  // over the rest, see the end of newerThanKnown
}

bool denies(uint32_t action) {
  switch (action & kActionMask) {
    case SCMP_ACT_ERRNO(0):
    case SCMP_ACT_TRAP:
    case SCMP_ACT_KILL_PROCESS:
    case SCMP_ACT_KILL_THREAD:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::vector<sock_filter> newerThanKnown(const std::vector<Newest>& newest) {
  const auto of = [&](uint32_t architecture) {
    return std::find_if(newest.begin(), newest.end(),
                        [&](const Newest& n) { return n.architecture == architecture; });
  };
  std::vector<sock_filter> stub;
  for (const Newest& abi : newest) {
    // x32 is x86-64 to the kernel, told apart by a bit of the number: handled there.
    if (abi.architecture == SCMP_ARCH_X32) continue;
    std::vector<sock_filter> section;
    section.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
    if (abi.architecture == SCMP_ARCH_X86_64) {
      section.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32Bit, 0, 3));
      const auto x32 = of(SCMP_ARCH_X32);
      // Without rules for x32 the filter itself decides: no number is above this one.
      compareNumber(section, x32 == newest.end() ? UINT32_MAX : x32->number);
    }
    compareNumber(section, abi.number);
    stub.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
    stub.push_back(
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, abi.architecture, 0, static_cast<uint8_t>(section.size())));
    stub.insert(stub.end(), section.begin(), section.end());
  }
  for (size_t i = 0; i < stub.size(); ++i) {
    if (stub[i].code == (BPF_JMP | BPF_JA)) stub[i].k = static_cast<uint32_t>(stub.size() - i - 1);
  }
  return stub;
}

std::vector<sock_filter> compile(const Profile& profile) {
  const Filter filter(library().init(profile.defaultAction), library().release);
  if (!filter) throw SysError{ENOMEM, "seccomp_init", {}, "compile seccomp profile"};
  // A binary tree over the numbers instead of a list. The kernel tries the program on every number when it is
  // loaded (seccomp action cache, Linux 5.11), which is most of the time of loading it: 0.28 ms instead of
  // 0.72. Unknown before 2.5: then a list.
  library().setAttribute(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  const auto architectures = addArchitectures(filter, profile);
  addRules(filter, profile);
  std::vector<sock_filter> program;
  if (denies(profile.defaultAction)) program = newerThanKnown(newestOf(profile, architectures));
  const auto body = exported(filter);
  program.insert(program.end(), body.begin(), body.end());
  if (program.size() > BPF_MAXINSNS) throw SysError{E2BIG, "seccomp", {}, "compile seccomp profile"};
  return program;
}

}  // namespace podrun::seccomp
