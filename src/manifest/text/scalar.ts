/** What a scalar of a manifest can be, as JSON has it. */
export type Scalar = string | number | boolean | null;

const words = new Map<string, Scalar>([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map((word) => [word, true] as const),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map((word) => [word, false] as const),
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, null] as const),
  ...['.nan', '.NaN', '.NAN'].map((word) => [word, Number.NaN] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((word) => [word, Number.POSITIVE_INFINITY] as const),
  ...['-.inf', '-.Inf', '-.INF'].map((word) => [word, Number.NEGATIVE_INFINITY] as const),
]);

const integer = /^([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[1-9][0-9]*|0)$/;
const float = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;

/**
 * The value of an unquoted scalar as Kubernetes' tools read it: YAML 1.1 booleans (yes, on, y), octal with a leading 0,
 * no base 60 (12:30 is a string) and no dates.
 * @see go.yaml.in/yaml/v2 v2.4 resolve.go, which sigs.k8s.io/yaml is built on
 */
export function resolvePlainScalar(source: string): Scalar {
  const word = words.get(source);
  if (word !== undefined) return word;
  if (!/^[-+.0-9]/.test(source)) return source;
  const plain = source.replaceAll('_', '');
  const match = integer.exec(plain);
  if (match !== null) {
    const [, sign = '', digits = ''] = match;
    const magnitude = Number(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
    return sign === '-' ? -magnitude : magnitude;
  }
  return float.test(plain) ? Number(plain) : source;
}
