import { type Arguments, usageError } from '../../arguments.js';
import type { CommandAction } from '../../command.js';
import { parseDuration } from '../../duration.js';
import { json } from '../../output/json.js';
import { names, withImages } from './options.js';
import { describeRemoved } from './removed.js';

function olderThan(args: Arguments): { readonly olderThanMs?: number } {
  const filter = args.string('filter');
  if (filter === undefined) return {};
  const seconds = parseDuration(/^until=(.+)$/.exec(filter)?.[1] ?? '');
  if (seconds === undefined)
    throw usageError('prune', `flag --filter: expected until=DURATION, got ${JSON.stringify(filter)}`);
  if (!args.boolean('all')) throw usageError('prune', 'flag --filter chooses images, and needs --all');
  return { olderThanMs: seconds * 1000 };
}

export const action: CommandAction = async (args, context) => {
  names('prune', args, 0, 0);
  const options = { all: args.boolean('all'), ...olderThan(args) };
  return withImages(context, args, async (images) => {
    const removed = await images.prune(options);
    if (args.string('output') === 'json') context.process.stdout.write(json(removed));
    else {
      for (const name of removed.references) context.process.stdout.write(`${name}\n`);
      context.process.stderr.write(describeRemoved(removed));
    }
  });
};
