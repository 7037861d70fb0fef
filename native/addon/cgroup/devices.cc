#include "addon/cgroup/devices.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <vector>

#include "addon/napi/failure.h"
#include "base/fd.h"

namespace podrun::cgroup {
namespace {

// Root in a container has CAP_MKNOD, and an image may hold device nodes, so the node of a disk must not be
// one that opens. A program on the cgroup2 directory is asked for every open and mknod, on hybrid hosts too:
// the v1 "devices" controller, which would cost a move of each process, is not needed (kernel/bpf/cgroup.c,
// __cgroup_bpf_check_dev_permission).

constexpr int kLoadTries = 5;

struct Device {
  int major;
  int minor;  // -1 for all
};
// Documentation/admin-guide/devices.txt
constexpr Device kCharDevices[] = {{1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 2}, {136, -1}};

constexpr bpf_insn insn(unsigned code, unsigned dst, unsigned src, int off, int imm) {
  bpf_insn out{};
  out.code = static_cast<__u8>(code);
  out.dst_reg = dst & 0xf;
  out.src_reg = src & 0xf;
  out.off = static_cast<__s16>(off);
  out.imm = imm;
  return out;
}

constexpr bpf_insn load(unsigned dst, size_t offset) {
  return insn(BPF_LDX | BPF_W | BPF_MEM, dst, BPF_REG_1, static_cast<int>(offset), 0);
}
constexpr bpf_insn skipUnless(unsigned reg, int value, int skip) {
  return insn(BPF_JMP | BPF_JNE | BPF_K, reg, 0, skip, value);
}

void answer(std::vector<bpf_insn>& program, int value) {
  program.push_back(insn(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, value));
  program.push_back(insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

/** r2 type, r3 access, r4 major, r5 minor; 1 allows. */
std::vector<bpf_insn> deviceProgram() {
  std::vector<bpf_insn> program;
  program.push_back(load(BPF_REG_2, offsetof(bpf_cgroup_dev_ctx, access_type)));
  program.push_back(insn(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0));
  program.push_back(insn(BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16));
  program.push_back(insn(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff));
  program.push_back(load(BPF_REG_4, offsetof(bpf_cgroup_dev_ctx, major)));
  program.push_back(load(BPF_REG_5, offsetof(bpf_cgroup_dev_ctx, minor)));
  program.push_back(skipUnless(BPF_REG_3, BPF_DEVCG_ACC_MKNOD, 2));
  answer(program, 1);
  for (const Device& device : kCharDevices) {
    const bool any = device.minor < 0;
    program.push_back(skipUnless(BPF_REG_2, BPF_DEVCG_DEV_CHAR, any ? 3 : 4));
    program.push_back(skipUnless(BPF_REG_4, device.major, any ? 2 : 3));
    if (!any) program.push_back(skipUnless(BPF_REG_5, device.minor, 2));
    answer(program, 1);
  }
  answer(program, 0);
  return program;
}

long bpf(bpf_cmd command, bpf_attr& attributes) {
  return syscall(SYS_bpf, command, &attributes, sizeof attributes);
}

__u64 address(const void* pointer) {
  return reinterpret_cast<__u64>(pointer);
}

bool isConfined(int directory) {
  bpf_attr query{};
  query.query.target_fd = static_cast<__u32>(directory);
  query.query.attach_type = BPF_CGROUP_DEVICE;
  return bpf(BPF_PROG_QUERY, query) == 0 && query.query.prog_cnt > 0;
}

}  // namespace

void confineDevices(const std::string& directory) {
  unique_fd target(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!target) raise("open", directory);
  if (isConfined(target.get())) return;

  const std::vector<bpf_insn> instructions = deviceProgram();
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insns = address(instructions.data());
  load.insn_cnt = static_cast<__u32>(instructions.size());
  load.license = address("Apache-2.0");
  // EAGAIN: the verifier gave way to a signal (kernel/bpf/verifier.c, signal_pending).
  unique_fd program;
  for (int tries = 0; !program && (tries == 0 || (errno == EAGAIN && tries < kLoadTries)); ++tries) {
    program.reset(static_cast<int>(bpf(BPF_PROG_LOAD, load)));
  }
  if (!program) raise("bpf(BPF_PROG_LOAD)", directory);

  bpf_attr attach{};
  attach.target_fd = static_cast<__u32>(target.get());
  attach.attach_bpf_fd = static_cast<__u32>(program.get());
  attach.attach_type = BPF_CGROUP_DEVICE;
  // Other programs further down may only restrict more.
  attach.attach_flags = BPF_F_ALLOW_MULTI;
  if (bpf(BPF_PROG_ATTACH, attach) != 0) raise("bpf(BPF_PROG_ATTACH)", directory);
}

}  // namespace podrun::cgroup
