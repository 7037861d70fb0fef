import type { PodResult } from '../../pod/result.js';
import type { LogLine, PodEvent, PodHandle } from '../../podrun/api.js';
import type { OutputStream, ProcessLike } from '../command.js';
import { containerNames } from '../pod-options.js';
import { painter } from './colour.js';
import { describeOomKill, describeResult } from './describe-result.js';
import { Live } from './live.js';
import { colouredPrefix, LogLines } from './log-lines.js';
import { printable } from './printable.js';
import { Progress } from './progress.js';
import { Writer } from './writer.js';

export interface RunOutputOptions {
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly timestamps: boolean;
  readonly noColour: boolean;
  /** The reader of the containers' output has gone. */
  readonly onBroken: () => void;
}

interface Sink {
  readonly writer: Writer;
  readonly lines: LogLines;
}

/** Most messages name their container themselves. */
function eventText({ container, reason, message }: Extract<PodEvent, { type: 'event' }>): string {
  if (container !== undefined && reason === 'OOMKilling') return describeOomKill(container);
  if (container === undefined || message.includes(`"${container}"`)) return message;
  return `container "${container}": ${reason}: ${message}`;
}

export function lostText(container: string): string {
  return `container "${container}" writes faster than its output is read: some of it is lost`;
}

/** All that `podrun run` shows: the containers' output on its own two streams, podrun's own words on stderr. */
export class RunOutput {
  private readonly sinks = new Map<string, Sink>();
  private progress: Progress | undefined;
  private live: Live | undefined;
  private broken = false;
  private readonly said = new Set<string>();
  private pods = 1;

  constructor(
    private readonly process: ProcessLike,
    private readonly options: RunOutputOptions,
  ) {}

  /** One line of podrun's own. */
  say(message: string): void {
    const line = `podrun: ${printable(message)}`;
    if (this.live) this.live.line(line);
    else this.process.stderr.write(`${line}\n`);
  }

  event(event: PodEvent): void {
    if (this.options.quiet || event.type === 'status') return;
    if (event.type === 'notice') this.say(event.message);
    else if (event.type === 'event') {
      // Normal ones are of every healthy Pod: of no interest unless asked for.
      if (!this.options.verbose && event.level !== 'Warning') return;
      const text = eventText(event);
      this.said.add(text);
      this.say(text);
    } else {
      this.progress ??= new Progress();
      const line = this.progress.handle(event.event);
      if (line) this.say(line);
      if (event.event.type === 'layer') this.region()?.update();
    }
  }

  started(handles: readonly PodHandle[]): void {
    this.pods = handles.length;
  }

  /** Passes on what the Pod's containers write, until they have ended. */
  async follow(handle: PodHandle): Promise<void> {
    const used = new Set<Sink>();
    const onLost = (container: string) => this.say(lostText(container));
    for await (const line of handle.logs({ follow: true, fromStart: true, onLost })) {
      const sink = this.sink(handle, line);
      used.add(sink);
      await this.push(sink, sink.lines.bytes(line));
    }
    for (const sink of used) await this.push(sink, sink.lines.rest());
  }

  ended(handle: PodHandle, result: PodResult): void {
    const text = describeResult(handle.name, result, handle.status);
    if (text && !this.hasSaid(text, result.message)) this.say(text);
  }

  async flush(): Promise<void> {
    for (const { writer } of this.sinks.values()) await writer.flush();
  }

  end(): void {
    this.live?.end();
    this.live = undefined;
  }

  /** An event may have told the reason already, in its own words. */
  private hasSaid(text: string, message: string | undefined): boolean {
    return this.said.has(text) || (Boolean(message) && [...this.said].some((said) => said.includes(message!)));
  }

  /** After its reader has gone, output is read on, so that the containers can end, and dropped. */
  private async push(sink: Sink, pieces: readonly Buffer[]): Promise<void> {
    if (!this.broken && pieces.length > 0) await sink.writer.push(...pieces);
  }

  private sink(handle: PodHandle, line: LogLine): Sink {
    const key = `${handle.uid} ${line.stream}`;
    const known = this.sinks.get(key);
    if (known) return known;
    const stream = this.process[line.stream];
    const broken = () => {
      if (this.broken) return;
      this.broken = true;
      this.options.onBroken();
    };
    const names = containerNames(handle);
    const pod = this.pods > 1 ? `${handle.name}/` : '';
    const paint = painter(stream, this.process.env, this.options.noColour);
    const prefix =
      names.length + this.pods > 2 ? { prefix: colouredPrefix(paint, names, (name) => `[${pod}${name}]`) } : {};
    const sink = {
      writer: new Writer(stream, broken, this.regionOf(stream)),
      lines: new LogLines({ timestamps: this.options.timestamps, ...prefix }),
    };
    this.sinks.set(key, sink);
    return sink;
  }

  /** The lines at the bottom of a terminal, made when there is something to draw. */
  private region(): Live | undefined {
    const { stderr, env } = this.process;
    if (stderr.isTTY !== true || env['TERM'] === 'dumb') return undefined;
    this.live ??= new Live(stderr, () => this.progress?.lines() ?? []);
    return this.live;
  }

  private regionOf(stream: OutputStream) {
    if (stream.isTTY !== true) return undefined;
    return { hide: () => this.live?.hide(), show: (lineEnded: boolean) => this.live?.show(lineEnded) };
  }
}
