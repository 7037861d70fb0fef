/**
 * What podrun does with a field of the API:
 * `supported` acts on it, `notice` accepts it and says that it has no effect on one machine, `refused` knows it and does
 * not implement it yet, `dropped` is set by an API server and passed over without a word.
 */
export type Status = 'supported' | 'notice' | 'refused' | 'dropped';

export type ScalarType = 'string' | 'bool' | 'int32' | 'int64' | 'quantity' | 'intOrString' | 'any';

/** One field of an API type. `type` is a scalar or the name of another type of the schema. */
export interface Field {
  readonly type: string;
  readonly shape: 'one' | 'list' | 'map';
  readonly status: Status;
  readonly required: boolean;
  /** All values the API knows. */
  readonly values?: readonly string[];
  /** Those of them that podrun implements; all when absent. */
  readonly implemented?: readonly string[];
  /** What the API takes an absent field for. Given as a value it is accepted even where the field is refused. */
  readonly default?: string | number | boolean | Readonly<Record<string, never>>;
  /** Why it is refused, or what there is to know about it. */
  readonly note?: string;
}

export type Fields = Readonly<Record<string, Field>>;

/** The one key of a free map such as labels is no field; the value's type is. */
function field(type: string, shape: Field['shape'] = 'one'): Field {
  return { type, shape, status: 'supported', required: false };
}

export const string = field('string');
export const bool = field('bool');
export const int32 = field('int32');
export const int64 = field('int64');
export const quantity = field('quantity');
export const intOrString = field('intOrString');
export const any = field('any');

export const object = (type: string): Field => field(type);
export const list = (of: Field | string): Field => field(typeof of === 'string' ? of : of.type, 'list');
export const map = (of: Field): Field => field(of.type, 'map');
export const oneOf = (...values: readonly string[]): Field => ({ ...string, values });

export const required = (of: Field): Field => ({ ...of, required: true });
export const withDefault = (of: Field, value: NonNullable<Field['default']>): Field => ({ ...of, default: value });
export const noted = (of: Field, note: string): Field => ({ ...of, note });

function marked(status: Status, of: Field, note?: string): Field {
  return { ...of, status, ...(note === undefined ? {} : { note }) };
}

export const refused = (of: Field, note?: string): Field => marked('refused', of, note);
export const notice = (of: Field, note?: string): Field => marked('notice', of, note);
export const dropped = (of: Field, note?: string): Field => marked('dropped', of, note);

/** A field of which only some values are implemented. */
export const only = (of: Field, ...implemented: readonly string[]): Field => ({ ...of, implemented });

/** All fields of a type with one status: for types that are not implemented at all. */
export function all(mark: (of: Field) => Field, fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, of]) => [name, mark(of)]));
}
