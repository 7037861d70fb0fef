import { type ManifestProblem, PodrunError } from '../errors.js';

/** Where something is in a manifest: fields, list indexes, and keys of free maps (shown in brackets). */
export type Path = readonly (string | number | { readonly key: string })[];

/** Offsets in the text, the end not included. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Finds the text of a path; undefined for input that never was text. */
export type Locate = (path: Path, at: 'key' | 'value') => Span | undefined;

export interface Finding {
  readonly path: Path;
  readonly message: string;
  readonly span: Span | undefined;
}

const mostProblems = 50;
const mostColumns = 160;

export function renderPath(path: Path): string {
  let text = '';
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`;
    else if (typeof segment === 'object') text += `[${segment.key}]`;
    else text += text === '' ? segment : `.${segment}`;
  }
  return text;
}

/** What to point at, where it is not the value of the path. */
export interface Place {
  readonly at?: 'key' | 'value';
  readonly where?: Path;
}

/** Everything found in one document: nothing is thrown before all of it has been read. */
export class Findings {
  readonly problems: Finding[] = [];
  readonly #locate: Locate;
  readonly #source: SourceText | undefined;
  readonly #paths = new Set<string>();
  #withoutEffect: Path[] = [];

  constructor(locate: Locate, source: SourceText | undefined) {
    this.#locate = locate;
    this.#source = source;
  }

  /** A scalar as it was written (`0400`, not 256), where there is a text. */
  written(path: Path): string | undefined {
    const span = this.#locate(path, 'value');
    return span === undefined ? undefined : this.#source?.slice(span);
  }

  /** Remembers a field that is accepted and not acted on. */
  withoutEffect(path: Path): void {
    this.#withoutEffect.push(path);
  }

  /** One line that names all such fields since the last call, if there are any. */
  takeNotice(): readonly string[] {
    const [first, ...rest] = this.#withoutEffect;
    if (first === undefined) return [];
    this.#withoutEffect = [];
    const fields = [first, ...rest].map(renderPath).join(', ');
    const where = this.#source?.prefix(this.#locate(first, 'key')) ?? '';
    return [printable(`${where}${fields}: accepted, without effect on one machine`)];
  }

  problem(path: Path, message: string, options: Place = {}): void {
    this.#paths.add(renderPath(path));
    this.problems.push({ path, message, span: this.#locate(options.where ?? path, options.at ?? 'value') });
  }

  invalid(path: Path, value: unknown, reason: string, options: Place = {}): void {
    this.problem(path, `Invalid value: ${JSON.stringify(value)}: ${reason}`, options);
  }

  /** Says that a value is missing, unless the same path has a complaint already (such as a value of the wrong type). */
  required(path: Path, detail = ''): void {
    if (!this.#paths.has(renderPath(path))) this.problem(path, `Required value${detail === '' ? '' : `: ${detail}`}`);
  }

  /** Holds back a later `required` for a field that was given under a misspelt name. */
  expectNothingMoreOf(path: Path): void {
    this.#paths.add(renderPath(path));
  }
}

/** Turns offsets into lines and columns of one text, both from 1. */
export class SourceText {
  readonly text: string;
  readonly #name: string;
  #starts: number[] | undefined;

  constructor(name: string, text: string) {
    this.#name = name;
    this.text = text;
  }

  position(offset: number): { readonly line: number; readonly column: number; readonly source: string } {
    const starts = this.#lineStarts();
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    const start = starts[low]!;
    return { line: low + 1, column: offset - start + 1, source: this.text.slice(start, starts[low + 1]) };
  }

  #lineStarts(): readonly number[] {
    if (this.#starts === undefined) {
      this.#starts = [0];
      for (let at = this.text.indexOf('\n'); at >= 0; at = this.text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
    }
    return this.#starts;
  }

  slice(span: Span): string {
    return this.text.slice(span.start, span.end);
  }

  prefix(span: Span | undefined): string {
    if (span === undefined) return `${this.#name}: `;
    const { line, column } = this.position(span.start);
    return `${this.#name}:${line}:${column}: `;
  }

  /** The line of the text with a caret below the place. */
  excerpt(span: Span): string {
    const { line, column, source } = this.position(span.start);
    const from = column > mostColumns - 20 ? column - mostColumns / 2 : 0;
    const shown = printable(source.slice(from, from + mostColumns).trimEnd());
    const number = `${line}`.padStart(6);
    return `${number} | ${shown}\n${' '.repeat(6)} | ${' '.repeat(column - 1 - from)}^`;
  }
}

/** One column for each character, nothing that moves the cursor or the direction of the text. */
function printable(text: string): string {
  return text.replaceAll('\t', ' ').replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, '\ufffd');
}

/** The one error of a manifest: every problem on a line of its own, in the order of the text. */
export function manifestError(
  code: 'ERR_PODRUN_MANIFEST_SYNTAX' | 'ERR_PODRUN_MANIFEST_INVALID',
  source: SourceText | undefined,
  findings: readonly Finding[],
): PodrunError {
  const sorted = findings.toSorted((a, b) => (a.span?.start ?? 0) - (b.span?.start ?? 0));
  const problems = sorted.map((finding) => toProblem(source, finding));
  const lines = sorted.slice(0, mostProblems).map((finding) => describe(source, finding));
  if (sorted.length > mostProblems) lines.push(`and ${sorted.length - mostProblems} more`);
  return new PodrunError(code, lines.join('\n'), { problems });
}

function describe(source: SourceText | undefined, { path, message, span }: Finding): string {
  const where = path.length === 0 ? '' : `${renderPath(path)}: `;
  const line = printable(`${source?.prefix(span) ?? ''}${where}${message}`);
  return source === undefined || span === undefined ? line : `${line}\n${source.excerpt(span)}`;
}

function toProblem(source: SourceText | undefined, { path, message, span }: Finding): ManifestProblem {
  if (source === undefined || span === undefined) return { path: renderPath(path), message };
  const { line, column } = source.position(span.start);
  return { line, column, path: renderPath(path), message };
}
