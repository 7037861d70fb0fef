import { nearest } from '../manifest/nearest.js';
import type { PodrunApi, PodrunOptions } from '../podrun/api.js';
import { parseArguments, usageError } from './arguments.js';
import type { CommandSpec, Context } from './command.js';
import { exitCodeOf, failed } from './exit-code.js';
import { commands, globalFlags } from './table.js';
import { World } from './world.js';

/** Splits off the verb: the first word that is neither a global flag nor the value of one. */
function splitVerb(argv: readonly string[]): { readonly verb: string | undefined; readonly rest: readonly string[] } {
  let index = 0;
  while (index < argv.length) {
    const word = argv[index]!;
    if (!word.startsWith('-') || word === '-') break;
    const flag = globalFlags.find((candidate) => word === `--${candidate.name}` || word === `-${candidate.short}`);
    index += flag?.value === undefined ? 1 : 2;
  }
  return { verb: argv[index], rest: [...argv.slice(0, index), ...argv.slice(index + 1)] };
}

async function findCommand(verb: string): Promise<CommandSpec> {
  const spec = commands.find((candidate) => candidate.name === verb);
  if (spec) return spec;
  const guess = nearest(
    verb,
    commands.map((candidate) => candidate.name),
  );
  throw usageError(undefined, `unknown command ${JSON.stringify(verb)}${guess ? `, did you mean "${guess}"?` : ''}`);
}

async function dispatch(argv: readonly string[], context: Context): Promise<number> {
  const { verb, rest } = splitVerb(argv);
  if (verb === undefined) {
    if (rest.includes('--version'))
      return dispatch(['version', ...rest.filter((word) => word !== '--version')], context);
    // Bare `podrun` explains itself; a stray flag is checked like any other.
    return dispatch(['help', ...rest.filter((word) => word !== '--help' && word !== '-h')], context);
  }
  const spec = await findCommand(verb);
  const args = parseArguments(spec, rest, context.process.env);
  if (args.boolean('help')) {
    const { commandHelp } = await import('./help.js');
    context.process.stdout.write(commandHelp(spec));
    return 0;
  }
  const { action } = await spec.load();
  return action(args, context);
}

/** Runs one command line and reports its error, if any. @returns the exit status */
export async function main(argv: readonly string[], context: Context): Promise<number> {
  try {
    return await dispatch(argv, context);
  } catch (error) {
    const { reportError } = await import('./output/error.js');
    reportError(error, argv, context.process);
    return exitCodeOf(error);
  }
}

/** The embedding API, loaded when a command needs it. */
export async function openPodrun(options: PodrunOptions): Promise<PodrunApi> {
  const { Podrun } = await import('../index.js');
  return Podrun.open(options);
}

/** Entry of bin/podrun. Exits when the command has ended, whatever handles may still be open. */
export async function start(): Promise<void> {
  // Should the event loop run dry before the command has ended, that is no success.
  process.exitCode = failed;
  const world = new World();
  const code = await main(process.argv.slice(2), { process: world, open: openPodrun });
  await world.drained();
  process.exit(code);
}
