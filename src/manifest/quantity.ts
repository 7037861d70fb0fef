import { PodrunError } from '../errors.js';

/**
 * Kubernetes quantities: a decimal number with an SI suffix (n u m k M G T P E), a binary suffix (Ki to Ei) or a decimal
 * exponent (e3, E-3). Held exactly, in billionths, which is the finest step of the grammar; what is finer is rounded
 * away from zero, and what is beyond 2^63-1 is cut there.
 * @see k8s.io/apimachinery pkg/api/resource quantity.go (v0.36), comment of type Quantity
 */
export interface Quantity {
  readonly nanos: bigint;
  /** The family of suffixes it was written with; its canonical form uses the same one where that loses nothing. */
  readonly format: 'decimal' | 'binary' | 'exponent';
}

const one = 1_000_000_000n;
const nanosPerMilli = 1_000_000n;
const maxNanos = (2n ** 63n - 1n) * one;
/** Every quantity in use has under 25 digits; the bound keeps a hostile one from costing quadratic time. */
const maxLength = 128;

const decimalSuffixes = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const grammar = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([A-Za-z]*)([+-]?[0-9]*)$/;

/** @throws ERR_PODRUN_QUANTITY */
export function parseQuantity(text: string): Quantity {
  const match = text.length <= maxLength ? grammar.exec(text) : null;
  const [, sign = '', whole = '', fraction = '', letters = '', exponentDigits = ''] = match ?? [];
  if (match === null || whole + fraction === '') throw invalid(text, 'a quantity is a number with an optional suffix');
  const scale = scaleOf(letters, exponentDigits);
  if (scale === undefined) throw invalid(text, unknownSuffix(letters + exponentDigits));
  const digits = BigInt(whole + fraction);
  const magnitude = scaled(digits, scale.binary, scale.exponent - fraction.length);
  return { nanos: sign === '-' ? -magnitude : magnitude, format: scale.format };
}

interface Scale {
  readonly format: Quantity['format'];
  readonly binary: number;
  readonly exponent: number;
}

function scaleOf(letters: string, exponentDigits: string): Scale | undefined {
  if (exponentDigits === '') {
    const decimal = decimalSuffixes.indexOf(letters);
    if (decimal >= 0) return { format: 'decimal', binary: 0, exponent: (decimal - 3) * 3 };
    const binary = binarySuffixes.indexOf(letters);
    return binary >= 0 ? { format: 'binary', binary: binary * 10, exponent: 0 } : undefined;
  }
  if ((letters !== 'e' && letters !== 'E') || !/[0-9]/.test(exponentDigits)) return undefined;
  // 1e999999999 has to cost no more than 1e300: beyond these bounds the outcome is the cap or the smallest step anyway.
  return { format: 'exponent', binary: 0, exponent: Math.max(-300, Math.min(300, Number(exponentDigits))) };
}

function scaled(digits: bigint, binary: number, exponent: number): bigint {
  const units = (digits << BigInt(binary)) * one;
  const nanos = exponent >= 0 ? units * 10n ** BigInt(exponent) : divideUp(units, 10n ** BigInt(-exponent));
  return nanos > maxNanos ? maxNanos : nanos;
}

/** Integer division rounding away from zero. */
function divideUp(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  if (value % by === 0n) return quotient;
  return value < 0n ? quotient - 1n : quotient + 1n;
}

function unknownSuffix(suffix: string): string {
  const known = [...decimalSuffixes, ...binarySuffixes].filter((one) => one !== '');
  const wanted = suffix.replace(/[bB]$/, '');
  const near = known.find((one) => one === wanted) ?? known.find((one) => one.toLowerCase() === wanted.toLowerCase());
  const hint =
    near === undefined
      ? 'known are n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent such as e3'
      : `did you mean ${JSON.stringify(near)}?`;
  return `unknown suffix ${JSON.stringify(suffix)}; ${hint}`;
}

function invalid(text: string, reason: string): PodrunError {
  const shown = text.length <= 40 ? text : `${text.slice(0, 40)}...`;
  return new PodrunError('ERR_PODRUN_QUANTITY', `invalid quantity ${JSON.stringify(shown)}: ${reason}`);
}

/** Canonical form: no fraction, the largest suffix of its family that loses nothing ("1.5" is "1500m", "1.5Gi" "1536Mi"). */
export function formatQuantity(quantity: Quantity): string {
  const { nanos, format } = quantity;
  if (nanos === 0n) return '0';
  const small = nanos > -1024n * one && nanos < 1024n * one;
  if (format === 'binary' && !small && nanos % one === 0n) {
    const [number, steps] = strip(nanos / one, 1024n, binarySuffixes.length - 1);
    return `${number}${binarySuffixes[steps]}`;
  }
  if (format === 'exponent') {
    const [number, steps] = strip(nanos, 1000n, Number.POSITIVE_INFINITY);
    return steps === 3 ? `${number}` : `${number}e${(steps - 3) * 3}`;
  }
  const [number, steps] = strip(nanos, 1000n, decimalSuffixes.length - 1);
  return `${number}${decimalSuffixes[steps]}`;
}

function strip(value: bigint, base: bigint, most: number): readonly [bigint, number] {
  let steps = 0;
  let rest = value;
  while (steps < most && rest % base === 0n) {
    rest /= base;
    steps += 1;
  }
  return [rest, steps];
}

/** As the API keeps resources: nothing finer than a thousandth, rounded away from zero. */
export function roundToMilli(quantity: Quantity): Quantity {
  return { ...quantity, nanos: divideUp(quantity.nanos, nanosPerMilli) * nanosPerMilli };
}

/** True when it has a part smaller than a thousandth. */
export function finerThanMilli(quantity: Quantity): boolean {
  return quantity.nanos % nanosPerMilli !== 0n;
}

/** Thousandths, rounded up: `cpu: 500m` is 500. */
export function toMilli(quantity: Quantity | string): number {
  return Number(divideUp(nanosOf(quantity), nanosPerMilli));
}

/** Whole units, rounded up: `memory: 200Mi` is 209715200. Inexact beyond 2^53, as numbers are. */
export function toBytes(quantity: Quantity | string): number {
  return Number(divideUp(nanosOf(quantity), one));
}

/** Negative, zero or positive, as a is less than, equal to or more than b. */
export function compareQuantities(a: Quantity | string, b: Quantity | string): number {
  const [left, right] = [nanosOf(a), nanosOf(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function nanosOf(quantity: Quantity | string): bigint {
  return typeof quantity === 'string' ? parseQuantity(quantity).nanos : quantity.nanos;
}
