import { errnoCode, PodrunError } from '../../errors.js';
import type { ProcessLike } from '../command.js';
import { printable } from './printable.js';

function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const own = end === -1 ? argv : argv.slice(0, end);
  return own.some(
    (word, index) =>
      ['-ojson', '-o=json', '--output=json'].includes(word) ||
      (word === 'json' && ['-o', '--output'].includes(own[index - 1] ?? '')),
  );
}

function asJson(error: unknown): string {
  const known: Partial<PodrunError> = error instanceof PodrunError ? error : {};
  const { code = errnoCode(error), kind = 'internal', hint, path, syscall } = known;
  const message = error instanceof Error ? error.message : String(error);
  return JSON.stringify({ error: { code, kind, message: printable(message), hint, path, syscall } });
}

function asText(error: unknown, debug: boolean): string {
  const message = error instanceof Error ? error.message : String(error);
  const lines = [`podrun: ${message}`];
  if (error instanceof PodrunError) {
    for (const failure of error.cleanup ?? [])
      lines.push(`podrun: and while undoing: ${failure instanceof Error ? failure.message : String(failure)}`);
    if (error.hint) lines.push(`hint: ${error.hint}`);
  }
  if (debug && error instanceof Error)
    lines.push(
      error.stack ?? '',
      ...(error.cause ? [`caused by: ${String((error.cause as Error).stack ?? error.cause)}`] : []),
    );
  return printable(lines.join('\n'));
}

/** Tells of the error that ended a command, on stderr; once, here and nowhere else. Quiet when the reader of stdout has gone. */
export function reportError(
  error: unknown,
  argv: readonly string[],
  process: Pick<ProcessLike, 'env' | 'stderr'>,
): void {
  if (errnoCode(error) === 'EPIPE') return;
  process.stderr.write(`${wantsJson(argv) ? asJson(error) : asText(error, Boolean(process.env['PODRUN_DEBUG']))}\n`);
}
