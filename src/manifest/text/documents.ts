import { type Finding, manifestError, type SourceText } from '../report.js';
import { readPlainYaml } from './plain.js';
import { readYaml } from './yaml.js';
import type { Document } from './yaml-document.js';

/** What the API server takes in one request (k8s.io/apiserver MaxRequestBodyBytes). */
const mostCharacters = 3 * 1024 * 1024;
const mostJsonLevels = 100;
/** YAML 1.2.2 section 5.1; without this a binary file would give an error for each of its lines. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controlCharacter = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/**
 * The documents of a text, YAML or JSON.
 * @throws ERR_PODRUN_MANIFEST_SYNTAX
 */
export function readDocuments(source: SourceText): readonly Document[] {
  const { text } = source;
  if (text.length > mostCharacters) {
    const message = `longer than ${mostCharacters} characters`;
    throw manifestError('ERR_PODRUN_MANIFEST_SYNTAX', source, [{ path: [], message, span: { start: 0, end: 0 } }]);
  }
  const control = controlCharacter.exec(text);
  if (control !== null) {
    const message = `control characters are not allowed (0x${text.charCodeAt(control.index).toString(16).padStart(2, '0')}); is this a text file?`;
    const span = { start: control.index, end: control.index + 1 };
    throw manifestError('ERR_PODRUN_MANIFEST_SYNTAX', source, [{ path: [], message, span }]);
  }
  const values = readJson(text) ?? readPlainYaml(text);
  if (values !== undefined) return withPositions(text, values);
  const { documents, problems } = readYaml(text);
  if (problems.length === 0) return documents;
  const findings: Finding[] = problems.map(({ span, message }) => ({ path: [], message, span }));
  throw manifestError('ERR_PODRUN_MANIFEST_SYNTAX', source, findings);
}

/** Documents read without the YAML package, which is called in only when the place of something is asked for. */
function withPositions(text: string, values: readonly unknown[]): readonly Document[] {
  let read: readonly Document[] | undefined;
  return values.map((value, index) => ({
    value,
    duplicates: [],
    locate(path, at) {
      read ??= readYaml(text).documents;
      return read[index]?.locate(path, at);
    },
  }));
}

/** The one object of a JSON text; undefined when the text is anything else. */
function readJson(text: string): readonly [unknown] | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  return countKeys(value, 0) === keysInText(text) ? [value] : undefined;
}

/** JSON.parse keeps the last of two equal keys without a word: then the text has more keys than the value. */
function keysInText(text: string): number {
  let keys = 0;
  for (const match of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"\s*(:)?/g)) if (match[1] !== undefined) keys += 1;
  return keys;
}

function countKeys(value: unknown, level: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  // Leaves what is nested too deeply to the YAML reader, which says so.
  if (level > mostJsonLevels) return Number.NaN;
  let keys = Array.isArray(value) ? 0 : Object.keys(value).length;
  for (const part of Object.values(value)) keys += countKeys(part, level + 1);
  return keys;
}
