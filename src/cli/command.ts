import type { PodrunApi, PodrunOptions } from '../podrun/api.js';
import type { Arguments } from './arguments.js';

/** One flag, as help, parser, completions and man pages see it. */
export interface FlagSpec {
  /** Long form, without the dashes. */
  readonly name: string;
  readonly short?: string;
  /** Name of the value in help, such as "FILE"; a switch has none. */
  readonly value?: string;
  readonly repeat?: boolean;
  /** Values that are accepted, all others being usage errors. */
  readonly oneOf?: readonly string[];
  /** Environment variable that sets it when the flag is absent. */
  readonly env?: string;
  readonly help: string;
}

export interface CommandSpec {
  readonly name: string;
  /** What follows the name: "POD [-c CONTAINER] -- COMMAND [ARG...]". */
  readonly usage: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** Paragraphs after the summary. */
  readonly description?: readonly string[];
  readonly flags: readonly FlagSpec[];
  /** Command line and what it does. */
  readonly examples: readonly (readonly [command: string, meaning: string])[];
  /** Loads the code; nothing of a command is loaded before it is chosen. */
  readonly load: () => Promise<{ readonly action: CommandAction }>;
}

/** @returns the exit status */
export type CommandAction = (args: Arguments, context: Context) => Promise<number>;

/** What commands touch of the world: given by main.ts, or by a test. */
export interface Context {
  /** Taken as it is, because the getters of `process.stdout` and its like cost milliseconds on first use. */
  readonly process: ProcessLike;
  readonly open: (options: PodrunOptions) => Promise<PodrunApi>;
}

export interface ProcessLike {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
}

/** The part of a `tty.WriteStream` that is used; `isTTY` and the sizes are absent on pipes and files. */
export interface OutputStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}
