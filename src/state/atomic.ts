import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoCode, PodrunError } from '../errors.js';

let counter = 0;

/**
 * Replaces a file in one step: readers see the old content or the new, never half of it. For records on a tmpfs,
 * which need no fsync: what a power cut takes is the whole tmpfs.
 * @throws ERR_PODRUN_STATE with the path, ENOSPC included; nothing half-written is left
 */
export function writeAtomic(path: string, data: string): void {
  const temporary = join(dirname(path), `.tmp-${process.pid}-${counter++}`);
  try {
    writeFileSync(temporary, data, { mode: 0o600, flag: 'wx' });
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw new PodrunError('ERR_PODRUN_STATE', `cannot write ${path}: ${errnoCode(cause) ?? cause}`, { cause, path });
  }
}

/** Writes a file that nobody reads yet, of this very mode whatever the umask is. @throws ERR_PODRUN_STATE */
export function writeNew(path: string, data: string, mode: number): void {
  try {
    writeFileSync(path, data, { mode: 0o600 });
    if (mode !== 0o600) chmodSync(path, mode);
  } catch (cause) {
    throw new PodrunError('ERR_PODRUN_STATE', `cannot write ${path}: ${errnoCode(cause) ?? cause}`, { cause, path });
  }
}

export function writeJson(path: string, value: unknown): void {
  writeAtomic(path, `${JSON.stringify(value)}\n`);
}

/** The parsed file, or undefined when there is none. @throws ERR_PODRUN_STATE when it is not JSON */
export function readJson<T>(path: string): T | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoCode(error) === 'ENOENT' || errnoCode(error) === 'ENOTDIR') return undefined;
    throw new PodrunError('ERR_PODRUN_STATE', `cannot read ${path}: ${errnoCode(error) ?? error}`, {
      cause: error,
      path,
    });
  }
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new PodrunError('ERR_PODRUN_STATE', `${path} is not JSON`, { cause, path });
  }
}

/** mkdir -p with mode 0700 for what is missing. @throws ERR_PODRUN_STATE */
export function makeDirectory(path: string, mode = 0o700): void {
  try {
    mkdirSync(path, { recursive: true, mode });
  } catch (cause) {
    throw new PodrunError('ERR_PODRUN_STATE', `cannot make ${path}: ${errnoCode(cause) ?? cause}`, { cause, path });
  }
}
