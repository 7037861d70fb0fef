import { parseArgs } from 'node:util';
import { PodrunError } from '../errors.js';
import { nearest } from '../manifest/nearest.js';
import type { CommandSpec, FlagSpec } from './command.js';
import { globalFlags } from './table.js';

/** What a command line says, checked against the command's flags. */
export interface Arguments {
  readonly positionals: readonly string[];
  /** What follows `--`; undefined when there is no `--`. */
  readonly rest: readonly string[] | undefined;
  /** The flag, else its environment variable. */
  string(name: string): string | undefined;
  strings(name: string): readonly string[];
  boolean(name: string): boolean;
  /** A whole number of at least `minimum`, or undefined when the flag is absent. */
  integer(name: string, minimum: number): number | undefined;
}

export function usageError(command: string | undefined, message: string): PodrunError {
  return new PodrunError('ERR_PODRUN_USAGE', message, { hint: `see \`podrun help${command ? ` ${command}` : ''}\`` });
}

function written(flag: FlagSpec): string {
  return flag.short ? `-${flag.short}, --${flag.name}` : `--${flag.name}`;
}

function checkValue(command: string, flag: FlagSpec, value: string | undefined, inline: boolean | undefined): void {
  if (flag.value === undefined) {
    if (value !== undefined)
      throw usageError(command, `flag ${written(flag)} takes no value, got ${JSON.stringify(value)}`);
    return;
  }
  if (value === undefined || (value === '' && !inline))
    throw usageError(command, `flag ${written(flag)} needs a value: ${flag.value}`);
  if (flag.oneOf && !flag.oneOf.includes(value)) {
    throw usageError(command, `flag ${written(flag)}: expected ${flag.oneOf.join(', ')}, got ${JSON.stringify(value)}`);
  }
}

function unknownFlag(command: string, raw: string, flags: readonly FlagSpec[]): PodrunError {
  const guess = nearest(
    raw.replace(/^-+/, ''),
    flags.map((flag) => flag.name),
  );
  return usageError(command, `unknown flag ${raw} of "${command}"${guess ? `, did you mean --${guess}?` : ''}`);
}

/**
 * @param argv  the command line without the verb
 * @throws ERR_PODRUN_USAGE
 */
export function parseArguments(
  spec: CommandSpec,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Arguments {
  const flags = [...spec.flags, ...globalFlags];
  const options = Object.fromEntries(
    flags.map((flag) => [
      flag.name,
      {
        type: flag.value === undefined ? ('boolean' as const) : ('string' as const),
        ...(flag.short ? { short: flag.short } : {}),
      },
    ]),
  );
  // Not strict: its own errors know no suggestions and refuse negative numbers such as `--tail -1`.
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  let rest: string[] | undefined;
  for (const token of tokens) {
    if (token.kind === 'option-terminator') rest = [];
    else if (token.kind === 'positional') (rest ?? positionals).push(token.value);
    else {
      const flag = flags.find((candidate) => candidate.name === token.name);
      if (!flag) throw unknownFlag(spec.name, token.rawName, flags);
      checkValue(spec.name, flag, token.value, token.inlineValue);
      values.set(flag.name, [...(values.get(flag.name) ?? []), token.value ?? '']);
    }
  }
  return new ParsedArguments(spec.name, flags, values, positionals, rest, env);
}

class ParsedArguments implements Arguments {
  constructor(
    private readonly command: string,
    private readonly flags: readonly FlagSpec[],
    private readonly values: ReadonlyMap<string, readonly string[]>,
    readonly positionals: readonly string[],
    readonly rest: readonly string[] | undefined,
    private readonly env: Readonly<Record<string, string | undefined>>,
  ) {}

  string(name: string): string | undefined {
    return this.strings(name).at(-1);
  }

  strings(name: string): readonly string[] {
    const flag = this.flags.find((candidate) => candidate.name === name);
    if (!flag) throw new TypeError(`command "${this.command}" has no flag --${name}`);
    const given = this.values.get(name);
    if (given) return given;
    const fromEnv = flag.env === undefined ? undefined : this.env[flag.env];
    return fromEnv === undefined || fromEnv === '' ? [] : [fromEnv];
  }

  boolean(name: string): boolean {
    return this.strings(name).length > 0;
  }

  integer(name: string, minimum: number): number | undefined {
    const text = this.string(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value < minimum || !Number.isSafeInteger(value)) {
      throw usageError(
        this.command,
        `flag --${name}: expected a whole number of at least ${minimum}, got ${JSON.stringify(text)}`,
      );
    }
    return value;
  }
}
