import { systemClock } from '../../../clock.js';
import type { CommandAction } from '../../command.js';
import { Progress } from '../../output/progress.js';
import { names, withRegistries } from './options.js';

export const action: CommandAction = async (args, context) => {
  const [reference = ''] = names('pull', args, 1, 1);
  const progress = new Progress(systemClock.monotonicMs);
  const platform = args.string('platform');
  return withRegistries('pull', context, args, async (images) => {
    const image = await images.pull(reference, {
      ...(platform !== undefined && { platform }),
      onEvent: (event) => {
        const line = args.boolean('quiet') ? undefined : progress.handle(event);
        if (line !== undefined) context.process.stderr.write(`podrun: ${line}\n`);
      },
    });
    context.process.stdout.write(args.boolean('quiet') ? `${image.id}\n` : `${image.reference}@${image.digest}\n`);
  });
};
