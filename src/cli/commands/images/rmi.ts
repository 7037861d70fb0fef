import type { CommandAction } from '../../command.js';
import { names, withImages } from './options.js';
import { describeRemoved } from './removed.js';

export const action: CommandAction = async (args, context) => {
  const references = names('rmi', args, 1, Number.POSITIVE_INFINITY);
  return withImages(context, args, async (images) => {
    for (const reference of references) {
      const removed = await images.remove(reference, { force: args.boolean('force') });
      for (const name of removed.references) context.process.stdout.write(`${name}\n`);
      context.process.stderr.write(describeRemoved(removed));
    }
  });
};
