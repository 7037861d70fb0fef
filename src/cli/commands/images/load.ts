import { usageError } from '../../arguments.js';
import type { CommandAction } from '../../command.js';
import { json } from '../../output/json.js';
import { names, withImages } from './options.js';

export const action: CommandAction = async (args, context) => {
  names('load', args, 0, 0);
  const input = args.string('input') ?? '-';
  const { stdin, stdout } = context.process;
  if (input === '-' && stdin.isTTY)
    throw usageError('load', 'which archive? give it with -i FILE or on standard input');
  const name = args.string('name');
  return withImages(context, args, async (images) => {
    const loaded = await images.load(input === '-' ? stdin : input, name === undefined ? {} : { name });
    if (args.string('output') === 'json') stdout.write(json({ images: loaded }));
    else for (const { reference } of loaded) stdout.write(`${reference}\n`);
  });
};
