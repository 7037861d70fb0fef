import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PodrunError } from '../errors.js';
import { native } from '../native.js';
import type { SeccompPlan } from '../plan/plan.js';

/** To be changed with the way the addon compiles, so that programs compiled otherwise are not taken. */
const compilation = 'tree';

/**
 * Path of the compiled BPF program of a profile, or null for unconfined. Compiled once for each profile and machine
 * (libseccomp takes milliseconds), then found by its key; a file is complete or absent.
 * @throws ERR_PODRUN_SECCOMP when libseccomp is missing or refuses the profile
 */
export async function seccompProgram(directory: string, profile: SeccompPlan | null): Promise<string | null> {
  if (profile === null) return null;
  const path = join(directory, `${profile.key}.${compilation}.bpf`);
  if (existsSync(path)) return path;
  try {
    const program = await native().compileSeccomp(JSON.stringify(profile.build()));
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const temporary = join(directory, `.tmp-${process.pid}-${Date.now()}`);
    writeFileSync(temporary, program, { mode: 0o600, flag: 'wx' });
    renameSync(temporary, path);
    return path;
  } catch (cause) {
    throw new PodrunError('ERR_PODRUN_SECCOMP', `cannot compile the seccomp profile: ${(cause as Error).message}`, {
      cause,
      hint: 'install libseccomp2',
    });
  }
}
