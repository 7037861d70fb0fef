import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Directories } from './machine.js';

export const podrunCommand = join(fileURLToPath(new URL('../..', import.meta.url)), 'bin/podrun');

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A podrun command that runs; `result` resolves when it has ended. */
export interface Command {
  readonly child: ChildProcess;
  readonly result: Promise<CommandResult>;
  /** Resolves once stdout has shown the text. */
  shows(text: string): Promise<void>;
}

/** Starts the real command line on directories of the test's own. */
export function command(directories: Directories, args: readonly string[], input?: string): Command {
  const { root, state, logs } = directories;
  const [verb = '', ...rest] = args;
  const child = spawn(podrunCommand, ['--root', root, '--state', state, '--logs', logs, verb, ...rest], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  let look = () => {};
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    look();
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const result = new Promise<CommandResult>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const exitCode = code ?? (signal === 'SIGKILL' ? 137 : 143);
      resolve({ exitCode, stdout, stderr });
    });
  });
  const shows = (text: string) =>
    new Promise<void>((resolve, reject) => {
      look = () => stdout.includes(text) && resolve();
      look();
      void result.then(() => reject(new Error(`ended without "${text}": ${stdout}${stderr}`)));
    });
  return { child, result, shows };
}

export function runCommand(directories: Directories, args: readonly string[], input?: string): Promise<CommandResult> {
  return command(directories, args, input).result;
}
