#include "addon/spawn/clone3.h"

#include <sys/syscall.h>

// glibc has a clone3 wrapper but does not export it, and syscall(SYS_clone3) can't be used with CLONE_VM: the
// child starts on its own, empty stack and would return from the wrapper into nothing. So: the system call,
// and in the child a call of `run(argument)` on the new stack, followed by exit. Registers other than the
// result survive the system call.

static_assert(SYS_clone3 == 435);

#if defined(__x86_64__)
static_assert(SYS_exit == 60);
// rdi args, rsi size, rdx run, rcx argument; the system call itself overwrites rcx and r11.
asm(R"(
  .text
  .p2align 4
  .globl podrun_clone3
  .hidden podrun_clone3
  .type podrun_clone3, @function
podrun_clone3:
  .cfi_startproc
  endbr64
  movq %rcx, %r8
  movl $435, %eax
  syscall
  testq %rax, %rax
  jz 1f
  ret
  .cfi_undefined rip
1:
  xorl %ebp, %ebp
  movq %r8, %rdi
  callq *%rdx
  movl %eax, %edi
  movl $60, %eax
  syscall
  hlt
  .cfi_endproc
  .size podrun_clone3, . - podrun_clone3
)");
#elif defined(__aarch64__)
static_assert(SYS_exit == 93);
// x0 args, x1 size, x2 run, x3 argument.
asm(R"(
  .text
  .p2align 4
  .globl podrun_clone3
  .hidden podrun_clone3
  .type podrun_clone3, %function
podrun_clone3:
  .cfi_startproc
  hint #34
  mov x8, #435
  svc #0
  cbz x0, 1f
  ret
  .cfi_undefined x30
1:
  mov x29, #0
  mov x30, #0
  mov x0, x3
  blr x2
  mov x8, #93
  svc #0
  brk #0
  .cfi_endproc
  .size podrun_clone3, . - podrun_clone3
)");
#else
#error "podrun_clone3 is written for x86-64 and arm64"
#endif
