import type { CommandAction } from '../../command.js';
import { json } from '../../output/json.js';
import { names, withImages } from './options.js';

export const action: CommandAction = async (args, context) => {
  const [name = ''] = names('inspect', args, 1, 1);
  return withImages(context, args, async (images) => {
    context.process.stdout.write(json(await images.inspect(name)));
  });
};
