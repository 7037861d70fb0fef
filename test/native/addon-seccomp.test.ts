import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { addon, compileFixture, failure, skipWithoutAddon } from '../helpers/addon.js';
import { run } from '../helpers/command.js';

const EPERM = 1;
const ENOSYS = 38;
/** Numbers of this machine's ABI: uname, getcwd and dup take any argument without doing harm. */
const numbers = { x64: { getpid: 39, dup: 32, personality: 135 }, arm64: { getpid: 172, dup: 23, personality: 92 } };
const number = numbers[process.arch as keyof typeof numbers];
const abis = { x64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'], arm64: ['SCMP_ARCH_AARCH64'] };
const base = `read write exit exit_group brk fstat newfstatat ioctl mmap munmap close openat lseek`.split(' ');

t.test('compileSeccomp', { skip: skipWithoutAddon || (!number && 'needs x64 or arm64') }, async (t) => {
  const program = compileFixture('with-seccomp', t.testdir());
  const { compileSeccomp } = addon();

  /** errno of each system call under the profile, as the kernel applies it. */
  async function under(profile: object, ...calls: readonly string[]): Promise<readonly number[]> {
    const file = join(t.testdirName, 'program.bpf');
    writeFileSync(file, await compileSeccomp(JSON.stringify(profile)));
    return (await run(program, [file, ...calls])).trim().split('\n').map(Number);
  }

  t.test('blocks what a profile names and nothing else', async (t) => {
    const syscalls = [{ names: ['getpid'], action: 'SCMP_ACT_ERRNO', errnoRet: 77 }];
    const profile = { defaultAction: 'SCMP_ACT_ALLOW', syscalls };
    t.same(await under(profile, `${number.getpid}`, `${number.personality}:0xffffffff`, '9999'), [77, 0, ENOSYS]);
  });

  t.test('allows what a profile names and nothing else; EPERM is the default', async (t) => {
    const architectures = abis[process.arch as keyof typeof abis];
    const allowed = { names: [...base, 'no_such_call_yet'], action: 'SCMP_ACT_ALLOW' };
    const profile = { defaultAction: 'SCMP_ACT_ERRNO', architectures, syscalls: [allowed] };
    t.same(await under(profile, `${number.getpid}`, `${number.dup}:0`), [EPERM, EPERM]);
  });

  t.test('answers ENOSYS to what is newer than all that a profile knows', async (t) => {
    const syscalls = [{ names: [...base, 'openat2'], action: 'SCMP_ACT_ALLOW' }];
    const profile = { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 5, syscalls };
    // openat2 is 437, pidfd_getfd 438 and clone3 435 on all architectures.
    t.same(await under(profile, `${number.getpid}`, '435', '438', '9999'), [5, 5, ENOSYS, ENOSYS]);
  });

  t.test('compares arguments; conditions on the same argument are alternatives', async (t) => {
    const args = [
      { index: 0, value: 0x20000, op: 'SCMP_CMP_EQ' },
      { index: 0, value: 0xf0, valueTwo: 0x10, op: 'SCMP_CMP_MASKED_EQ' },
    ];
    const syscalls = [{ names: ['personality'], action: 'SCMP_ACT_ERRNO', errnoRet: 66, args }];
    const profile = { defaultAction: 'SCMP_ACT_ALLOW', syscalls };
    const calls = ['0x20000', '0x1', '0x11', '0x21'].map((value) => `${number.personality}:${value}`);
    t.same(await under(profile, ...calls), [66, 0, 66, 0]);
  });

  t.test('refuses what it does not understand', async (t) => {
    const rule = (more: object) => ({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['read'], ...more }] });
    const condition = { index: 0, value: 1, op: 'SCMP_CMP_EQ' };
    const refused: Record<string, unknown> = {
      'no object': [],
      'no default': {},
      'unknown action': { defaultAction: 'SCMP_ACT_MAYBE' },
      'a listener': rule({ action: 'SCMP_ACT_NOTIFY' }),
      'a seventh argument': rule({ action: 'SCMP_ACT_ERRNO', args: [{ ...condition, index: 6 }] }),
      'unknown comparison': rule({ action: 'SCMP_ACT_ERRNO', args: [{ ...condition, op: 'SCMP_CMP_LIKE' }] }),
      'negative value': rule({ action: 'SCMP_ACT_ERRNO', args: [{ ...condition, value: -1 }] }),
      'a flag that would be lost': { defaultAction: 'SCMP_ACT_ALLOW', flags: ['SECCOMP_FILTER_FLAG_LOG'] },
    };
    for (const [name, profile] of Object.entries(refused))
      await t.rejects(compileSeccomp(JSON.stringify(profile)), TypeError, name);
    await t.rejects(compileSeccomp('{"defaultAction":'), TypeError, 'no JSON');
    const architectures = ['SCMP_ARCH_PDP11'];
    await t.rejects(
      compileSeccomp(JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', architectures })),
      failure({ errno: 22 }),
    );
  });
});
