import { errnoCode, PodrunError } from '../errors.js';

/** podrun itself failed: what chroot(1), docker and podman end with, too. */
export const failed = 125;
/** The reader of our output has gone: what a program that SIGPIPE ended looks like to a shell. */
export const brokenPipe = 128 + 13;

/** The error is the abortion that we asked for. */
export function isCancelled(error: unknown): boolean {
  return (
    (error instanceof PodrunError && error.kind === 'cancelled') ||
    (error instanceof Error && error.name === 'AbortError')
  );
}

/** Exit status of an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof PodrunError) {
    if (error.exitCode !== undefined) return error.exitCode;
    if (error.code === 'ERR_PODRUN_COMMAND_NOT_FOUND') return 127;
    if (error.code === 'ERR_PODRUN_COMMAND_NOT_EXECUTABLE') return 126;
    return failed;
  }
  return errnoCode(error) === 'EPIPE' ? brokenPipe : failed;
}
