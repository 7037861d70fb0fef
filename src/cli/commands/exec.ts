import type { Readable } from 'node:stream';
import type { ExecOptions } from '../../podrun/api.js';
import type { ExecSession } from '../../runtime/exec.js';
import { type Arguments, usageError } from '../arguments.js';
import type { CommandAction, Context, OutputStream } from '../command.js';
import { Writer } from '../output/writer.js';
import { chooseContainer, namespaceOption, openOptions } from '../pod-options.js';

interface Request {
  readonly pod: string;
  readonly command: readonly string[];
}

function request(args: Arguments): Request {
  const [pod, ...more] = args.positionals;
  if (pod === undefined) throw usageError('exec', 'which Pod?');
  if (more.length > 0) throw usageError('exec', `the command follows "--": podrun exec ${pod} -- ${more.join(' ')}`);
  if (!args.rest || args.rest.length === 0) throw usageError('exec', 'which command? it follows "--"');
  return { pod, command: args.rest };
}

function sizeOf(stdout: OutputStream): { readonly width: number; readonly height: number } {
  return { width: stdout.columns || 80, height: stdout.rows || 24 };
}

/** Raw mode and window size for as long as a session lasts. Node restores the terminal itself when the process exits. */
function holdTerminal(session: ExecSession, { process }: Context): Disposable {
  const { stdin, stdout } = process;
  const resize = () => session.resize(sizeOf(stdout));
  stdin.setRawMode(true);
  // Node's own listener, which comes first, has read the new size by then.
  process.on('SIGWINCH', resize);
  return {
    [Symbol.dispose]() {
      process.off('SIGWINCH', resize);
      stdin.setRawMode(false);
    },
  };
}

async function copy(from: Readable, to: () => OutputStream, broken: (error: Error) => void): Promise<void> {
  let writer: Writer | undefined;
  for await (const chunk of from) {
    writer ??= new Writer(to(), broken);
    await writer.push(chunk as Uint8Array);
  }
  await writer?.flush();
}

async function converse(session: ExecSession, context: Context, tty: boolean, ended: AbortController): Promise<number> {
  using _terminal = tty ? holdTerminal(session, context) : undefined;
  const { stdin } = context.process;
  if (session.stdin) {
    // The process may end before it has read everything; that is no error of ours.
    session.stdin.on('error', () => undefined);
    stdin.pipe(session.stdin);
  }
  try {
    const broken = (error: Error) => ended.abort(error);
    const { process } = context;
    const copies = [
      copy(session.stdout, () => process.stdout, broken),
      copy(session.stderr, () => process.stderr, broken),
    ];
    const [code] = await Promise.all([session.wait(), ...copies]);
    return code;
  } finally {
    if (session.stdin) {
      stdin.unpipe(session.stdin);
      stdin.pause();
    }
  }
}

export const action: CommandAction = async (args, context) => {
  const { pod, command } = request(args);
  const { process } = context;
  const stdin = args.boolean('stdin');
  const tty = args.boolean('tty') && stdin && process.stdin.isTTY === true;
  if (args.boolean('tty') && !tty)
    process.stderr.write(`podrun: no terminal for the command: ${stdin ? 'standard input is none' : '-t needs -i'}\n`);
  const podrun = await context.open(openOptions(args));
  try {
    const handle = await podrun.pod(pod, namespaceOption(args));
    const ended = new AbortController();
    const term = process.env['TERM'];
    const options: ExecOptions = {
      container: chooseContainer(handle, args, () => process.stderr),
      stdin,
      tty,
      signal: ended.signal,
      ...(tty ? { size: sizeOf(process.stdout), ...(term ? { env: { TERM: term } } : {}) } : {}),
    };
    const session = await handle.exec(command, options);
    const code = await converse(session, context, tty, ended);
    ended.signal.throwIfAborted();
    return code;
  } finally {
    await podrun.close();
  }
};
