import type { Images } from '../../../images/manage/types.js';
import type { PodrunOptions } from '../../../podrun/api.js';
import { type Arguments, usageError } from '../../arguments.js';
import type { Context } from '../../command.js';
import { openOptions } from '../../pod-options.js';

function imageOptions(command: string, args: Arguments): PodrunOptions {
  const table: Record<string, string[]> = {};
  for (const mirror of args.strings('registry-mirror')) {
    const [, host, url] = /^([^=/]+)=(.+)$/.exec(mirror) ?? [];
    if (!host || !url)
      throw usageError(command, `flag --registry-mirror: expected HOST=URL, got ${JSON.stringify(mirror)}`);
    table[host] = [...(table[host] ?? []), url];
  }
  const [registriesConf, authFile] = [args.string('registries-conf'), args.string('authfile')];
  return {
    ...openOptions(args),
    ...(Object.keys(table).length > 0 && { registryMirrors: table }),
    ...(registriesConf && { registriesConf }),
    ...(authFile && { authFile }),
  };
}

/** Does something with the machine's images. */
export async function withImages(
  context: Context,
  args: Arguments,
  action: (images: Images) => Promise<void>,
  options: PodrunOptions = openOptions(args),
): Promise<number> {
  const podrun = await context.open(options);
  try {
    await action(podrun.images);
    return 0;
  } finally {
    await podrun.close();
  }
}

/** The same for a command that may go to registries. */
export function withRegistries(
  command: string,
  context: Context,
  args: Arguments,
  action: (images: Images) => Promise<void>,
): Promise<number> {
  return withImages(context, args, action, imageOptions(command, args));
}

/** The command's positional arguments. @throws ERR_PODRUN_USAGE unless there are as many as it takes */
export function names(command: string, args: Arguments, least: number, most: number): readonly string[] {
  const { positionals, rest } = args;
  if (rest) throw usageError(command, 'unexpected "--"');
  if (positionals.length < least) throw usageError(command, 'which image? give its name');
  if (positionals.length > most) throw usageError(command, `unexpected argument ${JSON.stringify(positionals[most])}`);
  return positionals;
}
