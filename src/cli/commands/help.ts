import { nearest } from '../../manifest/nearest.js';
import { usageError } from '../arguments.js';
import type { CommandAction } from '../command.js';
import { commandHelp, generalHelp } from '../help.js';
import { commands } from '../table.js';

export const action: CommandAction = async (args, context) => {
  const [name] = args.positionals;
  if (name === undefined) {
    context.process.stdout.write(generalHelp());
    return 0;
  }
  const spec = commands.find((candidate) => candidate.name === name);
  if (!spec) {
    const guess = nearest(
      name,
      commands.map((candidate) => candidate.name),
    );
    throw usageError(undefined, `unknown command ${JSON.stringify(name)}${guess ? `, did you mean "${guess}"?` : ''}`);
  }
  context.process.stdout.write(commandHelp(spec));
  return 0;
};
