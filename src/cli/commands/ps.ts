import type { PodHandle } from '../../podrun/api.js';
import { usageError } from '../arguments.js';
import type { CommandAction } from '../command.js';
import { json } from '../output/json.js';
import { podRow } from '../output/pod-row.js';
import { table } from '../output/table.js';
import { namespaceOption, openOptions, shownPod } from '../pod-options.js';

interface Columns {
  readonly namespaces: boolean;
  readonly wide: boolean;
}

function podTable(handles: readonly PodHandle[], { namespaces, wide }: Columns): string {
  const now = new Date();
  const rows = handles.map((handle) => {
    const row = podRow(shownPod(handle), now);
    const main = [row.name, row.ready, row.status, row.restarts, row.age, row.ip];
    return [...(namespaces ? [row.namespace] : []), ...main, ...(wide ? [row.uid, row.images] : [])];
  });
  const headers = ['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE', 'IP'];
  return table([...(namespaces ? ['NAMESPACE'] : []), ...headers, ...(wide ? ['UID', 'IMAGES'] : [])], rows);
}

export const action: CommandAction = async (args, context) => {
  if (args.positionals.length > 0) throw usageError('ps', `unexpected argument ${JSON.stringify(args.positionals[0])}`);
  const all = args.boolean('all-namespaces');
  const podrun = await context.open(openOptions(args));
  try {
    const found = await podrun.pods({ all, ...namespaceOption(args) });
    const key = (handle: PodHandle) => `${handle.namespace}/${handle.name}`;
    const handles = [...found].sort((a, b) => (key(a) < key(b) ? -1 : 1));
    const { stdout, stderr } = context.process;
    const format = args.boolean('quiet') ? 'quiet' : (args.string('output') ?? 'table');
    if (format === 'json')
      stdout.write(
        json({ apiVersion: 'v1', kind: 'List', metadata: {}, items: handles.map((handle) => handle.toJSON()) }),
      );
    else if (format === 'name' || format === 'quiet') {
      for (const handle of handles) stdout.write(`${format === 'name' ? 'pod/' : ''}${handle.name}\n`);
    } else if (handles.length > 0) stdout.write(podTable(handles, { namespaces: all, wide: format === 'wide' }));
    else
      stderr.write(
        all ? 'podrun: no Pods\n' : `podrun: no Pods in namespace "${args.string('namespace') ?? 'default'}"\n`,
      );
    return 0;
  } finally {
    await podrun.close();
  }
};
