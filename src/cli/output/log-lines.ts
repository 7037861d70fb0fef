import type { LogLine } from '../../podrun/api.js';
import type { Colour, Paint } from './colour.js';

const newline = Buffer.from('\n');
const longestHeld = 65_536;
const palette: readonly Colour[] = ['cyan', 'yellow', 'green', 'magenta', 'blue'];

export interface LogFormat {
  readonly timestamps: boolean;
  /** Precedes each line, "[web] ". Without it, bytes pass as they are. */
  readonly prefix?: (container: string) => string;
}

/** Prefix of lines: a colour of its own for each container, by its place among `names`. */
export function colouredPrefix(
  paint: Paint,
  names: readonly string[],
  text: (container: string) => string,
): (container: string) => string {
  const prefixes = new Map(
    names.map((name, index) => [name, `${paint(palette[index % palette.length]!, text(name))} `]),
  );
  return (container) => prefixes.get(container) ?? `${text(container)} `;
}

interface OpenLine {
  readonly head: string;
  readonly pieces: Buffer[];
  bytes: number;
}

/**
 * Turns log lines into bytes. Pieces of one line stay together: with a prefix or a time before each line they are held until
 * the line ends (or gets very long), because lines of another container may come in between.
 */
export class LogLines {
  private readonly open = new Map<string, OpenLine>();

  constructor(private readonly format: LogFormat) {}

  bytes(line: LogLine): readonly Buffer[] {
    const { timestamps, prefix } = this.format;
    if (!timestamps && !prefix) return line.partial ? [line.text] : [line.text, newline];
    const key = `${line.stream} ${line.container}`;
    const held: OpenLine = this.open.get(key) ?? {
      head: `${prefix?.(line.container) ?? ''}${timestamps ? `${line.time} ` : ''}`,
      pieces: [],
      bytes: 0,
    };
    held.pieces.push(line.text);
    held.bytes += line.text.length;
    if (line.partial && held.bytes < longestHeld) {
      this.open.set(key, held);
      return [];
    }
    this.open.delete(key);
    return [Buffer.from(held.head), ...held.pieces, newline];
  }

  /** Lines that never ended. */
  rest(): readonly Buffer[] {
    const rest = [...this.open.values()].flatMap(({ head, pieces }) => [Buffer.from(head), ...pieces, newline]);
    this.open.clear();
    return rest;
  }
}
