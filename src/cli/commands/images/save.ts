import type { ArchiveFormat } from '../../../images/manage/types.js';
import { usageError } from '../../arguments.js';
import type { CommandAction } from '../../command.js';
import { names, withRegistries } from './options.js';

export const action: CommandAction = async (args, context) => {
  const references = names('save', args, 1, Number.POSITIVE_INFINITY);
  const output = args.string('output') ?? '-';
  const { stdout } = context.process;
  if (output === '-' && stdout.isTTY)
    throw usageError('save', 'an archive is not for a terminal: name a file with -o FILE');
  const format = (args.string('format') ?? 'oci-archive') as ArchiveFormat;
  return withRegistries('save', context, args, (images) =>
    images.save(references, output === '-' ? stdout : output, { format }),
  );
};
