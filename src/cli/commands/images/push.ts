import type { CommandAction } from '../../command.js';
import { json } from '../../output/json.js';
import { names, withRegistries } from './options.js';

export const action: CommandAction = async (args, context) => {
  const [name = '', destination] = names('push', args, 1, 2);
  return withRegistries('push', context, args, async (images) => {
    const pushed = await images.push(name, destination);
    const text = args.string('output') === 'json' ? json(pushed) : `${pushed.reference}@${pushed.digest}\n`;
    context.process.stdout.write(text);
  });
};
