import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

const execute = promisify(execFile);

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end and returns what it printed; throws with its standard error when it fails. */
export async function run(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const env = { ...process.env, LC_ALL: 'C', ...options.env };
  const { stdout } = await execute(program, args, { maxBuffer: 1 << 26, ...options, env });
  return stdout;
}

/** True when the program is on the search path or where the distribution keeps it. */
export function installed(program: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'];
  return folders.some((folder) => existsSync(`${folder}/${program}`));
}

/** For `{ skip }` of a test: the reason, or false when every program is there. */
export function skipWithout(...programs: readonly string[]): string | false {
  const missing = programs.filter((program) => !installed(program));
  return missing.length > 0 && `needs ${missing.join(', ')}`;
}
