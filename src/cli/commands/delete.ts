import { PodrunError } from '../../errors.js';
import type { DeleteOptions, PodHandle, PodrunApi } from '../../podrun/api.js';
import { type Arguments, usageError } from '../arguments.js';
import type { CommandAction, Context } from '../command.js';
import { exitCodeOf } from '../exit-code.js';
import { reportError } from '../output/error.js';
import { namespaceOption, openOptions } from '../pod-options.js';

interface Target {
  readonly name: string;
  readonly namespace?: string;
}

function deleteOptions(args: Arguments): DeleteOptions {
  const grace = args.integer('grace-period', 0);
  const force = args.boolean('force');
  if (args.boolean('now') && grace !== undefined)
    throw usageError('delete', 'flags --now and --grace-period exclude each other');
  if (grace === 0 && !force) throw usageError('delete', 'flag --grace-period 0 needs --force');
  const seconds = args.boolean('now') ? 1 : force ? (grace ?? 0) : grace;
  return { force, wait: !args.boolean('no-wait'), ...(seconds === undefined ? {} : { gracePeriodSeconds: seconds }) };
}

async function targets(podrun: PodrunApi, args: Arguments, context: Context): Promise<readonly Target[]> {
  const named = args.positionals.map((name) => ({ name, ...namespaceOption(args) }));
  const files = args.strings('file');
  if (files.length === 0) return named;
  const { manifestPods } = await import('../manifest-pods.js');
  const written = await Promise.all(
    files.map((file) => manifestPods(podrun, file, context.process.stdin, args.string('namespace'))),
  );
  return [...named, ...written.flat()];
}

/** @returns the Pod's handle, or undefined when it is not there and need not be */
async function find(podrun: PodrunApi, target: Target, mayBeAbsent: boolean): Promise<PodHandle | undefined> {
  try {
    return await podrun.pod(target.name, target.namespace ? { namespace: target.namespace } : {});
  } catch (error) {
    if (mayBeAbsent && error instanceof PodrunError && error.code === 'ERR_PODRUN_POD_NOT_FOUND') return undefined;
    throw error;
  }
}

export const action: CommandAction = async (args, context) => {
  const options = deleteOptions(args);
  if (args.positionals.length + args.strings('file').length === 0)
    throw usageError('delete', 'which Pod? give names or -f FILE');
  const podrun = await context.open(openOptions(args));
  try {
    const all = await targets(podrun, args, context);
    // Together, so that several grace periods run at the same time; each one tells of its own end or failure.
    const codes = await Promise.all(
      all.map(async (target) => {
        try {
          const handle = await find(podrun, target, args.boolean('ignore-not-found'));
          await handle?.delete(options);
          if (handle)
            context.process.stdout.write(`pod "${handle.name}" ${options.wait ? 'deleted' : 'is being deleted'}\n`);
          return 0;
        } catch (error) {
          reportError(error, [], context.process);
          return exitCodeOf(error);
        }
      }),
    );
    return codes.find((code) => code !== 0) ?? 0;
  } finally {
    await podrun.close();
  }
};
