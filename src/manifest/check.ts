import { PodrunError } from '../errors.js';
import { nearest } from './nearest.js';
import { parseQuantity } from './quantity.js';
import type { Findings, Path } from './report.js';
import type { Field } from './schema/field.js';
import { fieldOf, fieldsOf } from './schema/types.js';

/** An object that has the form of an API type: no unknown field, each value of the right type, unset fields left out. */
export type Checked = Readonly<Record<string, unknown>>;

/** The same, seen as the API type that it was checked against: fields may be missing, none is of a wrong type. */
export type Draft<T> = T extends readonly (infer E)[]
  ? readonly Draft<E>[]
  : T extends object
    ? { readonly [K in keyof T]?: Draft<T[K]> }
    : T;

/** More names than these in one line help nobody; docs/pod-fields.md has them. */
const mostNames = 12;

type Within = 'notice' | 'refused';

/**
 * Holds a value against the schema. What is wrong goes into the findings; what comes back has only what is right, and of
 * that only what podrun acts on or keeps.
 */
export class SchemaCheck {
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /**
   * @param within  set inside a field that is kept or refused as a whole: its parts are checked for form, and no more
   *                is said of them
   */
  object(type: string, value: unknown, path: Path, within?: Within): Checked {
    const fields = fieldsOf(type) ?? {};
    if (!isObject(value)) {
      this.#wrongType(path, 'an object', value);
      return {};
    }
    const checked: Record<string, unknown> = {};
    for (const [name, part] of Object.entries(value)) {
      const here = [...path, name];
      const field = fieldOf(fields, name);
      if (field === undefined) this.#unknown(path, name, Object.keys(fields));
      else if (part !== null && part !== undefined) this.#field(field, part, here, within, checked);
    }
    for (const [name, field] of Object.entries(fields)) {
      if (field.required && within !== 'refused' && isMissing(checked[name])) this.#findings.required([...path, name]);
    }
    return checked;
  }

  #field(field: Field, value: unknown, path: Path, within: Within | undefined, into: Record<string, unknown>): void {
    const name = path.at(-1) as string;
    const acts = within !== undefined || field.status === 'supported';
    if (field.status === 'dropped' || (!acts && isUnset(field, value))) return;
    if (acts) {
      const checked = this.#value(field, value, path, within);
      if (checked !== undefined) into[name] = checked;
      return;
    }
    const checked = this.#value(field, value, path, field.status);
    if (field.status === 'notice') {
      this.#findings.withoutEffect(path);
      if (checked !== undefined) into[name] = checked;
    } else {
      this.#findings.problem(path, refusalOf(field), { at: 'key' });
    }
  }

  #value(field: Field, value: unknown, path: Path, within: Within | undefined): unknown {
    if (field.shape === 'list') {
      if (!Array.isArray(value)) return this.#wrongType(path, 'a list', value);
      // Not map(), which passes over the holes of a sparse list.
      return Array.from(value, (item: unknown, index) => this.#item(field, item, [...path, index], within));
    }
    if (field.shape === 'map') {
      if (!isObject(value)) return this.#wrongType(path, 'an object', value);
      // A null prototype, for a label may well be called "constructor".
      const map: Record<string, unknown> = Object.create(null);
      for (const [key, item] of Object.entries(value)) map[key] = this.#item(field, item, [...path, { key }], within);
      return map;
    }
    // For a single string empty and absent are the same (Go's omitempty).
    return value === '' && field.type === 'string' ? undefined : this.#item(field, value, path, within);
  }

  #item(field: Field, value: unknown, path: Path, within: Within | undefined): unknown {
    if (fieldsOf(field.type) !== undefined) return this.object(field.type, value, path, within);
    // An element that is null decodes to the empty string in the API server.
    if (field.type === 'string') return this.#string(field, value ?? '', path, within);
    if (field.type === 'bool')
      return typeof value === 'boolean' ? value : this.#wrongType(path, 'a boolean (true or false)', value);
    if (field.type === 'quantity') return this.#quantity(value, path);
    if (field.type === 'intOrString' && typeof value === 'string') return value;
    return this.#integer(field.type === 'int64' ? 63 : 31, value, path);
  }

  #string(field: Field, value: unknown, path: Path, within: Within | undefined): string | undefined {
    if (typeof value !== 'string') return this.#wrongType(path, 'a string', value);
    if (value.includes('\0')) return this.#refuse(path, value, 'must not contain a NUL character');
    const { values } = field;
    if (values === undefined || value === '') return value;
    if (!values.includes(value)) {
      const near = nearest(value, values);
      const supported = `supported values: ${values.map((one) => JSON.stringify(one)).join(', ')}`;
      const hint = near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`;
      this.#findings.problem(path, `Unsupported value: ${JSON.stringify(value)}: ${supported}${hint}`);
      return undefined;
    }
    if (within !== undefined || field.implemented === undefined || field.implemented.includes(value)) return value;
    const implemented = field.implemented.map((one) => JSON.stringify(one)).join(' or ');
    this.#findings.problem(path, `${JSON.stringify(value)} is not supported yet, only ${implemented}`);
    return undefined;
  }

  #integer(bits: number, value: unknown, path: Path): number | undefined {
    if (typeof value !== 'number' || !Number.isInteger(value)) return this.#wrongType(path, 'an integer', value);
    const [least, most] = [-(2 ** bits), 2 ** bits - 1];
    if (value >= least && value <= most) return value;
    return this.#refuse(path, value, `must be between ${least} and ${most}, inclusive`);
  }

  #quantity(value: unknown, path: Path): string | undefined {
    if (typeof value !== 'string' && typeof value !== 'number')
      return this.#wrongType(path, 'a quantity such as 500m or 200Mi', value);
    try {
      parseQuantity(`${value}`);
      return `${value}`;
    } catch (error) {
      if (!(error instanceof PodrunError)) throw error;
      this.#findings.problem(path, error.message);
      return undefined;
    }
  }

  #refuse(path: Path, value: unknown, reason: string): undefined {
    this.#findings.invalid(path, value, reason);
  }

  #wrongType(path: Path, expected: string, value: unknown): undefined {
    const scalar = typeof value === 'number' || typeof value === 'boolean';
    const hint = expected === 'a string' && scalar ? `; quote it: "${this.#findings.written(path) ?? value}"` : '';
    this.#findings.problem(path, `expected ${expected}, got ${describe(value)}${hint}`);
  }

  #unknown(path: Path, name: string, known: readonly string[]): void {
    const near = nearest(name, known);
    const others = known.length > mostNames ? '' : `; known here: ${known.join(', ')}`;
    const hint = near === undefined ? others : `; did you mean ${JSON.stringify(near)}?`;
    this.#findings.problem([...path, name], `unknown field ${JSON.stringify(name)}${hint}`, { at: 'key' });
    if (near !== undefined) this.#findings.expectNothingMoreOf([...path, near]);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
}

/** True for a value that says no more than its absence would. */
function isUnset(field: Field, value: unknown): boolean {
  if (field.default !== undefined && value === field.default) return true;
  if (field.shape === 'list') return Array.isArray(value) && value.length === 0;
  if (field.shape === 'map' || typeof field.default === 'object')
    return isObject(value) && Object.keys(value).length === 0;
  return value === '' && field.type === 'string';
}

function refusalOf({ note, default: value }: Field): string {
  const only = value === undefined || typeof value === 'object' ? '' : `, only ${JSON.stringify(value)}`;
  return `not supported yet${only}${note === undefined ? '' : `: ${note}`}`;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string') return JSON.stringify(value.length <= 60 ? value : `${value.slice(0, 60)}...`);
  return `the ${typeof value} ${String(value)}`;
}
