import type { LogsOptions, PodHandle } from '../../podrun/api.js';
import { type Arguments, usageError } from '../arguments.js';
import type { CommandAction, Context } from '../command.js';
import { parseDuration } from '../duration.js';
import { painter } from '../output/colour.js';
import { colouredPrefix, LogLines } from '../output/log-lines.js';
import { lostText } from '../output/run-output.js';
import { Writer } from '../output/writer.js';
import { chooseContainer, containerNames, namespaceOption, openOptions } from '../pod-options.js';

function sinceSeconds(args: Arguments): number | undefined {
  const since = args.string('since');
  if (since === undefined) return undefined;
  const seconds = parseDuration(since);
  if (seconds === undefined)
    throw usageError(
      'logs',
      `flag --since: expected a duration such as 90s, 5m or 1h30m, got ${JSON.stringify(since)}`,
    );
  return seconds;
}

function logsOptions(handle: PodHandle, args: Arguments, context: Context): LogsOptions {
  if (args.boolean('all-containers') && args.string('container') !== undefined) {
    throw usageError('logs', 'flags --container and --all-containers exclude each other');
  }
  const tail = args.integer('tail', -1);
  const since = sinceSeconds(args);
  return {
    follow: args.boolean('follow'),
    onLost: (container) => context.process.stderr.write(`podrun: ${lostText(container)}\n`),
    ...(args.boolean('all-containers')
      ? {}
      : { container: chooseContainer(handle, args, () => context.process.stderr) }),
    ...(tail === undefined || tail === -1 ? {} : { tailLines: tail }),
    ...(since === undefined ? {} : { sinceSeconds: since }),
  };
}

function logLines(handle: PodHandle, args: Arguments, context: Context): LogLines {
  const timestamps = args.boolean('timestamps');
  if (!args.boolean('prefix')) return new LogLines({ timestamps });
  const paint = painter(context.process.stdout, context.process.env, args.boolean('no-color'));
  return new LogLines({
    timestamps,
    prefix: colouredPrefix(paint, containerNames(handle), (container) => `[pod/${handle.name}/${container}]`),
  });
}

export const action: CommandAction = async (args, context) => {
  const [name, ...more] = args.positionals;
  if (name === undefined || more.length > 0)
    throw usageError('logs', name === undefined ? 'which Pod?' : 'one Pod at a time');
  const podrun = await context.open(openOptions(args));
  try {
    const handle = await podrun.pod(name, namespaceOption(args));
    const options = logsOptions(handle, args, context);
    const lines = logLines(handle, args, context);
    const ended = new AbortController();
    // Everything goes to stdout, as with kubectl: the lines of both streams are in their order then.
    const writer = new Writer(context.process.stdout, (error) => ended.abort(error));
    for await (const line of handle.logs({ ...options, signal: ended.signal })) await writer.push(...lines.bytes(line));
    await writer.push(...lines.rest());
    await writer.flush();
    ended.signal.throwIfAborted();
    return 0;
  } finally {
    await podrun.close();
  }
};
