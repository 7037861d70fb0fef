import type { PodHandle, PodrunApi, PodrunOptions, PodSource, RunOptions } from '../../podrun/api.js';
import { type Arguments, usageError } from '../arguments.js';
import type { CommandAction, Context } from '../command.js';
import { brokenPipe, failed, isCancelled } from '../exit-code.js';
import { RunOutput } from '../output/run-output.js';
import { namespaceOption, openOptions } from '../pod-options.js';
import { StopSignals, signalNumber } from '../stop-signals.js';

function mirrors(args: Arguments): PodrunOptions {
  const table: Record<string, string[]> = {};
  for (const mirror of args.strings('registry-mirror')) {
    const [, host, url] = /^([^=/]+)=(.+)$/.exec(mirror) ?? [];
    if (!host || !url)
      throw usageError('run', `flag --registry-mirror: expected HOST=URL, got ${JSON.stringify(mirror)}`);
    table[host] = [...(table[host] ?? []), url];
  }
  return Object.keys(table).length > 0 ? { registryMirrors: table } : {};
}

function runPodrunOptions(args: Arguments): PodrunOptions {
  const [registriesConf, authFile] = [args.string('registries-conf'), args.string('authfile')];
  const files = { ...(registriesConf ? { registriesConf } : {}), ...(authFile ? { authFile } : {}) };
  return { ...openOptions(args), ...mirrors(args), ...files };
}

/** Standard input, until it is longer than any manifest may be: it need not have an end. */
async function readInput(stdin: Context['process']['stdin']): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of stdin) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > 3 * 1024 * 1024) break;
  }
  return text + decoder.decode();
}

async function sources(args: Arguments, context: Context): Promise<readonly PodSource[]> {
  const files = [...args.positionals, ...args.strings('file')];
  if (files.length === 0) throw usageError('run', 'which manifest? give a file, or "-" for standard input');
  if (args.rest)
    throw usageError('run', 'a Pod takes no command line, its containers have command and args in the manifest');
  return Promise.all(
    files.map(async (file) =>
      file === '-' ? { text: await readInput(context.process.stdin), name: '<stdin>' } : { file },
    ),
  );
}

/** What a signal does: it aborts the start, or deletes what has been started. */
class Stopping {
  private readonly starting = new AbortController();
  private readonly deletions: Promise<void>[] = [];
  private handles: readonly PodHandle[] = [];
  private force = false;
  readonly signal = this.starting.signal;

  stop(force: boolean): void {
    if (this.starting.signal.aborted && !force) return;
    this.force ||= force;
    this.starting.abort();
    this.deleteAll();
  }

  /** The Pods exist now; a signal may have come before. */
  started(handles: readonly PodHandle[]): void {
    this.handles = handles;
    if (this.starting.signal.aborted) this.deleteAll();
  }

  /** Waits for what stop() began. @throws what could not be removed */
  async settled(): Promise<void> {
    await Promise.all(this.deletions);
  }

  private deleteAll(): void {
    const options = this.force ? { gracePeriodSeconds: 0, force: true } : {};
    for (const handle of this.handles) {
      const deletion = handle.delete(options);
      // Awaited in settled(), which may be later than its failure.
      deletion.catch(() => undefined);
      this.deletions.push(deletion);
    }
  }
}

async function startAll(
  podrun: PodrunApi,
  all: readonly PodSource[],
  options: RunOptions,
): Promise<readonly PodHandle[]> {
  const handles: PodHandle[] = [];
  for (const source of all) handles.push(...(await podrun.runAll(source, options)));
  return handles;
}

/** Shows the Pods until they have ended. @returns the first exit code that is not 0 */
async function follow(handles: readonly PodHandle[], output: RunOutput, interrupted: () => boolean): Promise<number> {
  const results = await Promise.all(
    handles.map(async (handle) => {
      const [result] = await Promise.all([handle.wait(), output.follow(handle)]);
      return { handle, result };
    }),
  );
  await output.flush();
  // That a Pod ended by the signal it was sent on request is no news.
  if (!interrupted()) for (const { handle, result } of results) output.ended(handle, result);
  return (
    results.find(({ result }) => result.exitCode !== 0)?.result.exitCode ??
    (results.some(({ result }) => result.phase === 'Failed') ? failed : 0)
  );
}

export const action: CommandAction = async (args, context) => {
  const stopping = new Stopping();
  let readerGone = false;
  const output = new RunOutput(context.process, {
    quiet: args.boolean('quiet'),
    verbose: args.boolean('verbose'),
    timestamps: args.boolean('timestamps'),
    noColour: args.boolean('no-color'),
    onBroken: () => {
      readerGone = true;
      stopping.stop(false);
    },
  });
  using signals = new StopSignals(context.process, (signal, again) => {
    if (!again)
      output.say(signal === 'SIGINT' ? 'stopping, press Ctrl-C again to kill' : `stopping because of ${signal}`);
    stopping.stop(again);
  });
  const manifests = await sources(args, context);
  const podrun = await context.open(runPodrunOptions(args));
  const interrupted = () =>
    signals.received ? 128 + signalNumber(signals.received) : readerGone ? brokenPipe : undefined;
  try {
    const handles = await startAll(podrun, manifests, {
      ...namespaceOption(args),
      signal: stopping.signal,
      onEvent: (event) => output.event(event),
    });
    stopping.started(handles);
    output.started(handles);
    const code = await follow(handles, output, () => interrupted() !== undefined);
    await stopping.settled();
    return interrupted() ?? code;
  } catch (error) {
    if (interrupted() === undefined || !stopping.signal.aborted) throw error;
    if (!isCancelled(error)) throw error;
    return interrupted() ?? failed;
  } finally {
    output.end();
    await podrun.close();
  }
};
