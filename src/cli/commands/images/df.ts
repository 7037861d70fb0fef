import type { UsageRow } from '../../../images/manage/types.js';
import type { CommandAction } from '../../command.js';
import { json } from '../../output/json.js';
import { formatBytes } from '../../output/progress.js';
import { table } from '../../output/table.js';
import { names, withImages } from './options.js';

function row(name: string, { count, active, sizeBytes, reclaimableBytes }: UsageRow): readonly string[] {
  const percent = sizeBytes > 0 ? Math.round((reclaimableBytes / sizeBytes) * 100) : 0;
  return [name, `${count}`, `${active}`, formatBytes(sizeBytes), `${formatBytes(reclaimableBytes)} (${percent}%)`];
}

export const action: CommandAction = async (args, context) => {
  names('df', args, 0, 0);
  return withImages(context, args, async (images) => {
    const usage = await images.usage();
    if (args.string('output') === 'json') {
      context.process.stdout.write(json(usage));
      return;
    }
    const rows = [
      row('Images', usage.images),
      row('  layers', usage.layers),
      row('  blobs', usage.blobs),
      row('Pods', usage.pods),
    ];
    context.process.stdout.write(table(['TYPE', 'TOTAL', 'ACTIVE', 'SIZE', 'RECLAIMABLE'], rows));
  });
};
