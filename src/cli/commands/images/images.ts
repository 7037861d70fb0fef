import type { ImageSummary } from '../../../images/manage/types.js';
import type { CommandAction } from '../../command.js';
import { formatAge } from '../../duration.js';
import { json } from '../../output/json.js';
import { formatBytes } from '../../output/progress.js';
import { table } from '../../output/table.js';
import { names, withImages } from './options.js';

function split(reference: string): readonly [repository: string, tag: string] {
  const at = reference.indexOf('@');
  if (at >= 0) return [reference.slice(0, at), ''];
  const colon = reference.lastIndexOf(':');
  return [reference.slice(0, colon), reference.slice(colon + 1)];
}

function imageTable(images: readonly ImageSummary[], digests: boolean): string {
  const now = Date.now();
  const rows = images.map(({ reference, digest, id, sizeBytes, pulledAt }) => [
    ...split(reference),
    ...(digests ? [digest] : []),
    id.slice('sha256:'.length).slice(0, 12),
    formatAge(now - Date.parse(pulledAt)),
    formatBytes(sizeBytes),
  ]);
  return table(['REPOSITORY', 'TAG', ...(digests ? ['DIGEST'] : []), 'IMAGE ID', 'AGE', 'SIZE'], rows);
}

export const action: CommandAction = async (args, context) => {
  names('images', args, 0, 0);
  return withImages(context, args, async (images) => {
    const list = await images.list();
    const { stdout, stderr } = context.process;
    if (args.boolean('quiet')) for (const id of new Set(list.map((image) => image.id))) stdout.write(`${id}\n`);
    else if (args.string('output') === 'json') stdout.write(json({ images: list }));
    else if (list.length > 0) stdout.write(imageTable(list, args.boolean('digests')));
    else stderr.write('podrun: no images\n');
  });
};
