import type * as Yaml from 'yaml';
import type { Path, Span } from '../report.js';
import { resolvePlainScalar } from './scalar.js';

/** One document of a text: plain JSON values, and where each of them stands. */
export interface Document {
  readonly value: unknown;
  locate(path: Path, at: 'key' | 'value'): Span | undefined;
  /** Keys that are set twice. */
  readonly duplicates: readonly { readonly path: Path; readonly span: Span }[];
}

/** What keeps a text from being read at all. */
export interface SyntaxProblem {
  readonly span: Span;
  readonly message: string;
}

/** The API's objects nest about 15 deep. */
const mostLevels = 100;
/** Aliases can make a short text stand for an endless one; this many values is a thousand times a large Pod. */
const mostNodes = 200_000;
/** The API server's limit for an object, aliases expanded. */
const mostCharacters = 3 * 1024 * 1024;

export class YamlError extends Error {
  readonly span: Span;

  constructor(message: string, span: Span) {
    super(message);
    this.span = span;
  }
}

export const tooDeep = `nested too deeply: at most ${mostLevels} levels are read`;

interface Entry {
  readonly key?: Span;
  readonly value: Span;
}

/** Turns what the YAML package has parsed into plain values, by the rules of go-yaml, and keeps track of where they stood. */
export class YamlDocument {
  readonly #yaml: typeof Yaml;
  readonly #text: string;
  readonly #document: Yaml.Document.Parsed;
  /** Where the parts of each object and list stand, by field name or index. */
  readonly #entries = new Map<object, Map<string | number, Entry>>();
  readonly #anchors = new Map<string, Yaml.Node>();
  readonly #open = new Set<Yaml.Node>();
  readonly #duplicates: { path: Path; span: Span }[] = [];
  readonly #escapedQuotes: readonly number[];
  #nodes = 0;
  #characters = 0;

  constructor(yaml: typeof Yaml, text: string, document: Yaml.Document.Parsed) {
    this.#yaml = yaml;
    this.#text = text;
    this.#document = document;
    this.#escapedQuotes = document.errors.filter((error) => this.#isEscapedQuote(error)).map((error) => error.pos[0]);
  }

  get empty(): boolean {
    const contents = this.#document.contents;
    return contents === null || (this.#yaml.isScalar(contents) && contents.type === 'PLAIN' && contents.source === '');
  }

  /** go-yaml takes `\'` inside double quotes for an apostrophe, which YAML does not allow; manifests in the wild have it. */
  #isEscapedQuote(error: Yaml.YAMLParseError): boolean {
    return error.code === 'BAD_DQ_ESCAPE' && this.#text.startsWith("\\'", error.pos[0]);
  }

  syntaxProblems(): readonly SyntaxProblem[] {
    const errors = this.#document.errors.filter((error) => !this.#isEscapedQuote(error));
    return errors.map(({ message, pos: [start, end] }) => ({
      span: { start, end },
      message: `${message[0]?.toLowerCase()}${message.slice(1)}`,
    }));
  }

  read(): Document {
    const value = this.#convert(this.#document.contents, [], 0);
    const root = spanOf(this.#document.contents);
    return { value, duplicates: this.#duplicates, locate: (path, at) => this.#locate(value, root, path, at) };
  }

  #convert(node: Yaml.Node | null, path: Path, level: number): unknown {
    this.#nodes += 1;
    if (level > mostLevels) throw new YamlError(tooDeep, spanOf(node));
    if (this.#nodes > mostNodes)
      throw new YamlError(`too many values: at most ${mostNodes} are read, aliases expanded`, spanOf(node));
    if (node === null) return null;
    if (this.#yaml.isAlias(node)) return this.#convertAlias(node, path, level);
    const anchored = node as Yaml.Scalar | Yaml.YAMLMap | Yaml.YAMLSeq;
    if (anchored.anchor !== undefined) this.#anchors.set(anchored.anchor, node);
    if (this.#yaml.isScalar(node)) return this.#scalar(node);
    this.#open.add(node);
    const value = this.#yaml.isMap(node)
      ? this.#map(node, path, level)
      : this.#list(node as Yaml.YAMLSeq<Yaml.Node>, path, level);
    this.#open.delete(node);
    return value;
  }

  #convertAlias(alias: Yaml.Alias, path: Path, level: number): unknown {
    const target = this.#anchors.get(alias.source);
    if (target === undefined) throw new YamlError(`unknown anchor "${alias.source}"`, spanOf(alias));
    if (this.#open.has(target))
      throw new YamlError(`the value of anchor "${alias.source}" contains itself`, spanOf(alias));
    return this.#convert(target, path, level);
  }

  #list(node: Yaml.YAMLSeq<Yaml.Node>, path: Path, level: number): unknown[] {
    const list: unknown[] = [];
    const entries = new Map<string | number, Entry>();
    for (const [index, item] of node.items.entries()) {
      entries.set(index, { value: spanOf(item, node) });
      list.push(this.#convert(item, [...path, index], level + 1));
    }
    this.#entries.set(list, entries);
    return list;
  }

  #map(node: Yaml.YAMLMap, path: Path, level: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    const entries = new Map<string | number, Entry>();
    const merged: Yaml.Node[] = [];
    for (const pair of node.items as Yaml.Pair<Yaml.Node, Yaml.Node | null>[]) {
      if (this.#isMerge(pair.key)) {
        merged.push(pair.value ?? pair.key);
        continue;
      }
      const key = this.#key(pair.key, node);
      const span = spanOf(pair.key);
      const here = [...path, key];
      if (entries.has(key)) this.#duplicates.push({ path: here, span });
      entries.set(key, { key: span, value: pair.value === null ? span : spanOf(pair.value) });
      setOwn(map, key, this.#convert(pair.value, here, level + 1));
    }
    for (const source of merged) this.#merge(source, map, entries, path, level);
    this.#entries.set(map, entries);
    return map;
  }

  #isMerge(key: Yaml.Node | null): key is Yaml.Scalar<string> {
    return this.#yaml.isScalar(key) && key.type === 'PLAIN' && key.source === '<<';
  }

  /** `<<: *a` or `<<: [*a, *b]`: what is set already wins. */
  #merge(
    source: Yaml.Node,
    into: Record<string, unknown>,
    entries: Map<string | number, Entry>,
    path: Path,
    level: number,
  ): void {
    const value = this.#convert(source, path, level + 1);
    for (const part of Array.isArray(value) ? value : [value]) {
      const known = typeof part === 'object' && part !== null ? this.#entries.get(part) : undefined;
      if (known === undefined || Array.isArray(part))
        throw new YamlError('<< has to be given a map or a list of maps', spanOf(source));
      for (const [key, entry] of known) {
        if (entries.has(key)) continue;
        entries.set(key, entry);
        setOwn(into, `${key}`, (part as Record<string, unknown>)[key]);
      }
    }
  }

  /** Keys become strings as sigs.k8s.io/yaml makes them: `on: x` sets "true". */
  #key(node: Yaml.Node | null, map: Yaml.YAMLMap): string {
    const value = this.#yaml.isScalar(node) || this.#yaml.isAlias(node) ? this.#convert(node, [], 0) : node;
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'boolean') return `${value}`;
    const span = spanOf(node, map);
    const template = this.#text.startsWith('{{', spanOf(map).start) || this.#text.startsWith('{{', span.start - 1);
    throw new YamlError(template ? 'a template in double braces: render it first' : 'a key has to be a string', span);
  }

  #scalar(node: Yaml.Scalar): unknown {
    const text = String(node.source ?? node.value ?? '');
    this.#characters += text.length;
    if (this.#characters > mostCharacters) throw new YamlError('too long with its aliases expanded', spanOf(node));
    const tag = node.tag?.replace('tag:yaml.org,2002:', '!!');
    if (tag === undefined || tag === '!')
      return node.type === 'PLAIN' && tag === undefined ? resolvePlainScalar(text) : this.#quoted(node, text);
    if (tag === '!!str') return this.#quoted(node, text);
    if (tag === '!!binary') return Buffer.from(text, 'base64').toString('utf8');
    const value = resolvePlainScalar(text);
    const kinds: Readonly<Record<string, boolean>> = {
      '!!int': Number.isInteger(value),
      '!!float': typeof value === 'number',
      '!!bool': typeof value === 'boolean',
      '!!null': value === null,
    };
    if (kinds[tag] === true) return value;
    throw new YamlError(
      tag in kinds ? `cannot read ${JSON.stringify(text)} as ${tag}` : `unknown tag ${tag}`,
      spanOf(node),
    );
  }

  #quoted(node: Yaml.Scalar, text: string): string {
    const { start, end } = spanOf(node);
    const wrong = this.#escapedQuotes.filter((offset) => offset >= start && offset < end);
    if (wrong.length === 0) return text;
    let source = this.#text.slice(start, end);
    for (const offset of wrong.toReversed())
      source = source.slice(0, offset - start) + source.slice(offset - start + 1);
    return String(this.#yaml.parseDocument(source, { schema: 'failsafe' }).toJS());
  }

  /** The span of a path; where it leads to nothing, of the last thing on the way that is there. */
  #locate(value: unknown, root: Span, path: Path, at: 'key' | 'value'): Span {
    let entry: Entry = { value: root };
    let container = value;
    for (const [depth, segment] of path.entries()) {
      const name = typeof segment === 'object' ? segment.key : segment;
      const next =
        typeof container === 'object' && container !== null ? this.#entries.get(container)?.get(name) : undefined;
      if (next === undefined) return entry.key ?? { start: entry.value.start, end: entry.value.start };
      entry = next;
      container = (container as Record<string | number, unknown>)[name];
      if (depth === path.length - 1) return at === 'key' ? (entry.key ?? entry.value) : entry.value;
    }
    return entry.value;
  }
}

function spanOf(node: Yaml.Node | null | undefined, around?: Yaml.Node): Span {
  const range = node?.range ?? around?.range;
  return { start: range?.[0] ?? 0, end: range?.[1] ?? 0 };
}

/** A key of the text is never an inherited one: `__proto__: x` is an unknown field, not a prototype. */
function setOwn(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
  else map[key] = value;
}
