import { resolvePlainScalar } from './scalar.js';

/**
 * Reads the plain part of YAML that nearly all Pods are written in: block maps and lists, one-line scalars, literal
 * blocks, one-line lists of scalars, comments, several documents. Whatever else there is in a text makes it give up,
 * for the YAML package to read the whole: it never guesses, and it reports no errors.
 *
 * Why: loading the package and warming it up takes 28 ms, a good part of what a Pod takes from command to end; this
 * takes under 1 ms. That the two agree is a property that the tests check.
 */
export function readPlainYaml(text: string): readonly unknown[] | undefined {
  // Tabs, carriage returns, other controls and Unicode's own line breaks have rules that are not worth having twice.
  if (/[^\P{Cc}\n]|[\u2028\u2029\ufeff]/u.test(text)) return undefined;
  try {
    return text.split(/^--- *$/m).flatMap((part) => new PlainReader(part).document());
  } catch (error) {
    if (error === givenUp) return undefined;
    throw error;
  }
}

const givenUp = new Error('not plain YAML');
const mostLevels = 50;
const mostColumns = 1000;

function giveUp(): never {
  throw givenUp;
}

interface Line {
  readonly indent: number;
  readonly text: string;
  /** Its number among all lines, blank ones too. */
  readonly number: number;
}

const key = /^([A-Za-z_][A-Za-z0-9_./-]*):(?: +(.*))?$/;
const double = /^"([^"\\]*)"(?: +#.*)?$/;
const single = /^'([^']*)'(?: +#.*)?$/;
const emptyCollection = /^(\{ *\}|\[ *\])(?: +#.*)?$/;
const oneLineList = /^\[(.*)\](?: +#.*)?$/;
const listItem =
  /\s*(?:"([^"\\]*)"|'([^']*)'|((?:[A-Za-z0-9/_.+$=]|-[A-Za-z0-9/_.-])[A-Za-z0-9/_.+$=%@~ -]*))\s*(,|$)/y;
/** What a plain scalar can start with, without a second look at what follows. */
const plainStart = /^(?:[A-Za-z0-9/_.+$(~=<]|-[A-Za-z0-9/_.-])/;

class PlainReader {
  readonly #all: readonly string[];
  readonly #lines: Line[];
  #at = 0;

  constructor(text: string) {
    this.#all = text.split('\n');
    this.#lines = this.#all.flatMap((line, number) => {
      const indent = line.search(/[^ ]/);
      if (line.length > mostColumns) giveUp();
      return indent < 0 ? [] : [{ indent, text: line.slice(indent).trimEnd(), number }];
    });
  }

  /** The document in a list, or an empty list when there is none. */
  document(): readonly unknown[] {
    const first = this.#next();
    if (first === undefined) return [];
    const value = this.#block(first.indent, 0);
    return this.#next() === undefined ? [value] : giveUp();
  }

  /** The next line that is no comment. */
  #next(): Line | undefined {
    while (this.#lines[this.#at]?.text.startsWith('#')) this.#at += 1;
    return this.#lines[this.#at];
  }

  #block(indent: number, level: number): unknown {
    if (level > mostLevels) giveUp();
    return isItem(this.#next()) ? this.#list(indent, level) : this.#map(indent, level);
  }

  #list(indent: number, level: number): unknown[] {
    const list: unknown[] = [];
    for (let line = this.#next(); line !== undefined && line.indent >= indent && isItem(line); line = this.#next()) {
      if (line.indent > indent) giveUp();
      const rest = line.text.slice(1).trimStart();
      if (key.test(rest) || rest.startsWith('- ')) {
        // `- name: x` starts a map whose other keys stand below the n.
        const inner = { ...line, indent: indent + line.text.length - rest.length, text: rest };
        this.#lines[this.#at] = inner;
        list.push(this.#block(inner.indent, level + 1));
      } else {
        list.push(this.#value(rest, indent, false, level));
      }
    }
    return list;
  }

  #map(indent: number, level: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    for (let line = this.#next(); line !== undefined && line.indent >= indent; line = this.#next()) {
      const [, name, rest = ''] = key.exec(line.text) ?? giveUp();
      if (line.indent > indent || name === undefined || name === '__proto__' || Object.hasOwn(map, name)) giveUp();
      if (typeof resolvePlainScalar(name!) !== 'string') giveUp();
      map[name!] = this.#value(rest, indent, true, level);
    }
    return map;
  }

  /** What follows `key:` or `-` on the current line, or below it. */
  #value(text: string, indent: number, ofKey: boolean, level: number): unknown {
    const line = this.#lines[this.#at]!;
    this.#at += 1;
    if (text === '' || text.startsWith('#')) {
      const next = this.#next();
      if (next === undefined) return null;
      if (next.indent > indent || (ofKey && next.indent === indent && isItem(next)))
        return this.#block(next.indent, level + 1);
      return null;
    }
    const literal = /^\|(-?)$/.exec(text);
    return literal === null ? scalar(text) : this.#literal(line, indent, literal[1] === '-');
  }

  /** `|` and `|-`: lines as they are, as far as they are indented. */
  #literal(start: Line, indent: number, strip: boolean): string {
    const first = this.#all[start.number + 1] ?? '';
    const width = first.search(/[^ ]/);
    if (width <= indent) giveUp();
    const lines: string[] = [];
    let number = start.number + 1;
    for (let line = this.#all[number]; line !== undefined; line = this.#all[++number]) {
      const from = line.search(/[^ ]/);
      if (from >= 0 && from < width) break;
      lines.push(line.slice(width));
    }
    while (lines.at(-1) === '') lines.pop();
    while (this.#lines[this.#at] !== undefined && this.#lines[this.#at]!.number < number) this.#at += 1;
    return strip ? lines.join('\n') : `${lines.join('\n')}\n`;
  }
}

function isItem(line: Line | undefined): boolean {
  return line !== undefined && (line.text === '-' || line.text.startsWith('- '));
}

function scalar(text: string): unknown {
  const quoted = double.exec(text) ?? single.exec(text);
  if (quoted !== null) return quoted[1];
  const empty = emptyCollection.exec(text);
  if (empty !== null) return text.startsWith('{') ? {} : [];
  const list = oneLineList.exec(text);
  if (list !== null) return items(list[1]!);
  const plain = text.replace(/ +#.*$/, '');
  if (!plainStart.test(plain) || /:(?: |$)/.test(plain)) giveUp();
  return resolvePlainScalar(plain);
}

function items(text: string): readonly unknown[] {
  const list: unknown[] = [];
  listItem.lastIndex = 0;
  while (listItem.lastIndex < text.length) {
    const [whole, inDouble, inSingle, plain] = listItem.exec(text) ?? giveUp();
    if (whole === '') giveUp();
    list.push(inDouble ?? inSingle ?? resolvePlainScalar((plain ?? '').trimEnd()));
  }
  return list;
}
