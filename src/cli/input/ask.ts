import { PodrunError } from '../../errors.js';
import type { OutputStream } from '../command.js';

/** A terminal to ask on: the standard input of the command. */
export type Terminal = Pick<
  NodeJS.ReadStream,
  'isTTY' | 'setRawMode' | 'on' | 'off' | 'resume' | 'pause' | 'setEncoding'
>;

/** Raw mode turns Ctrl-C into a character; it ends the command as the signal would. */
const cancelled = () => new PodrunError('ERR_PODRUN_CANCELLED', 'nothing was entered', { exitCode: 130 });

/**
 * The line as it is after one more key, or what ends it: in raw mode the terminal edits nothing and turns no Ctrl-C into a signal.
 */
function afterKey(line: string, key: string): string | 'enter' | 'cancel' {
  if (key === '\r' || key === '\n') return 'enter';
  if (key === '\u0003' || (key === '\u0004' && line === '')) return 'cancel';
  if (key === '\u007f' || key === '\b') return Array.from(line).slice(0, -1).join('');
  if (key === '\u0015') return '';
  return key < ' ' ? line : line + key;
}

/**
 * Asks for one line on a terminal.
 * @param echo  false for a password: nothing of it is shown, not even its length
 * @throws ERR_PODRUN_CANCELLED on Ctrl-C and Ctrl-D
 */
export function ask(question: string, echo: boolean, terminal: Terminal, output: OutputStream): Promise<string> {
  // Before the question is shown: what is typed from then on must not appear.
  terminal.setRawMode(true);
  terminal.setEncoding('utf8');
  output.write(question);
  return new Promise((resolve, reject) => {
    let line = '';
    const end = (settle: () => void) => {
      terminal.off('data', onData);
      terminal.off('end', onEnd);
      terminal.setRawMode(false);
      terminal.pause();
      output.write('\n');
      settle();
    };
    const onEnd = () => end(() => reject(cancelled()));
    const onData = (text: string) => {
      for (const key of text) {
        const next = afterKey(line, key);
        if (next === 'enter') return end(() => resolve(line));
        if (next === 'cancel') return onEnd();
        if (echo) output.write(next.startsWith(line) ? next.slice(line.length) : `\r\u001b[K${question}${next}`);
        line = next;
      }
    };
    terminal.on('data', onData);
    terminal.on('end', onEnd);
    terminal.resume();
  });
}
