import fc from 'fast-check';
import t from 'tap';
import { PodrunError } from '../../src/errors.js';
import {
  compareQuantities,
  finerThanMilli,
  formatQuantity,
  parseQuantity,
  roundToMilli,
  toBytes,
  toMilli,
} from '../../src/manifest/quantity.js';

const canonical = (text: string) => formatQuantity(parseQuantity(text));

t.test('canonical form loses nothing and has no fraction', async (t) => {
  const cases: readonly (readonly [string, string])[] = [
    ['0', '0'],
    ['-0', '0'],
    ['0.000', '0'],
    ['0Ki', '0'],
    ['1', '1'],
    ['+1', '1'],
    ['-1.5', '-1500m'],
    ['1.5', '1500m'],
    ['0.5', '500m'],
    ['.5', '500m'],
    ['1.', '1'],
    ['1.G', '1G'],
    ['00500m', '500m'],
    ['1000m', '1'],
    ['1000k', '1M'],
    ['1.5Gi', '1536Mi'],
    ['1024Mi', '1Gi'],
    ['1024Ki', '1Mi'],
    ['1023Ki', '1023Ki'],
    ['0.5Ki', '512'],
    ['1000Ki', '1000Ki'],
    ['0.1Ki', '102400m'],
    ['1.0001Ki', '1024102400u'],
    ['128974848', '128974848'],
    ['129M', '129M'],
    ['123Mi', '123Mi'],
    ['128974848000m', '128974848'],
    ['129e6', '129e6'],
    ['1e3', '1e3'],
    ['1E3', '1e3'],
    ['12e2', '1200'],
    ['1500e-3', '1500e-3'],
    ['1e-1', '100e-3'],
    ['1E', '1E'],
    ['5n', '5n'],
    ['1000n', '1u'],
    ['0.1n', '1n'],
    ['-0.1n', '-1n'],
  ];
  for (const [text, expected] of cases) t.equal(canonical(text), expected, text);
});

t.test('magnitude ends at 2^63-1', async (t) => {
  const most = 2n ** 63n - 1n;
  for (const text of [
    '9223372036854775807',
    '9223372036854775808',
    '10E',
    '8Ei',
    '1e300',
    '1e999999999999',
    '1e2147483647',
  ]) {
    t.equal(parseQuantity(text).nanos, most * 1_000_000_000n, text);
  }
  t.equal(parseQuantity('-10E').nanos, -most * 1_000_000_000n);
  t.equal(parseQuantity('0e999999999').nanos, 0n);
});

t.test('what is too small to be held is the smallest step, not nothing', async (t) => {
  t.equal(parseQuantity('1e-999999999').nanos, 1n);
  t.equal(parseQuantity('-1e-30').nanos, -1n);
});

t.test('rounding to thousandths goes away from zero', async (t) => {
  t.equal(formatQuantity(roundToMilli(parseQuantity('0.1m'))), '1m');
  t.equal(formatQuantity(roundToMilli(parseQuantity('1u'))), '1m');
  t.equal(formatQuantity(roundToMilli(parseQuantity('-1u'))), '-1m');
  t.equal(formatQuantity(roundToMilli(parseQuantity('400m'))), '400m');
  t.equal(finerThanMilli(parseQuantity('1m')), false);
  t.equal(finerThanMilli(parseQuantity('0.5m')), true);
});

t.test('toMilli and toBytes round up', async (t) => {
  t.equal(toMilli('500m'), 500);
  t.equal(toMilli('2'), 2000);
  t.equal(toMilli('1u'), 1);
  t.equal(toBytes('200Mi'), 209_715_200);
  t.equal(toBytes('400m'), 1);
  t.equal(toBytes('1.5'), 2);
  t.equal(toBytes(parseQuantity('1Gi')), 2 ** 30);
});

t.test('comparison is of amounts, not of spellings', async (t) => {
  t.equal(compareQuantities('1Gi', '1024Mi'), 0);
  t.ok(compareQuantities('1G', '1Gi') < 0);
  t.ok(compareQuantities('0.1', '99m') > 0);
});

t.test('what is no quantity is refused with a reason', async (t) => {
  const refused = [
    '',
    ' ',
    '1 ',
    ' 1',
    '.',
    '-',
    '+',
    'Ki',
    'm',
    '1.2.3',
    '1Kii',
    '1K',
    '1KB',
    '200MB',
    '1e',
    '1e+',
    '1e1.5',
    '--1',
    '1,5',
    '0x10',
    '1_000',
    'NaN',
    '١',
    '5Ki3',
    `${'9'.repeat(200)}`,
  ];
  for (const text of refused) {
    t.throws(() => parseQuantity(text), { code: 'ERR_PODRUN_QUANTITY', kind: 'invalid' }, JSON.stringify(text));
  }
  t.throws(() => parseQuantity('200MB'), {
    message: 'invalid quantity "200MB": unknown suffix "MB"; did you mean "M"?',
  });
  t.throws(() => parseQuantity('1K'), { message: /did you mean "k"\?/ });
  t.throws(() => parseQuantity('1mib'), { message: /did you mean "Mi"\?/ });
  t.throws(() => parseQuantity('5x'), { message: /known are n u m k/ });
});

const suffix = fc.constantFrom(
  '',
  'n',
  'u',
  'm',
  'k',
  'M',
  'G',
  'T',
  'P',
  'E',
  'Ki',
  'Mi',
  'Gi',
  'Ti',
  'Pi',
  'Ei',
  'e3',
  'E-3',
  'e+2',
  'e0',
);
const digits = fc.stringMatching(/^[0-9]{1,12}$/);
const sign = fc.constantFrom('', '-', '+');
const quantity = fc
  .tuple(sign, digits, fc.option(digits, { nil: undefined }), suffix)
  .map(([s, whole, fraction, end]) => `${s}${whole}${fraction === undefined ? '' : `.${fraction}`}${end}`);

t.test('property: the canonical form reads as the same amount and is its own canonical form', async () => {
  fc.assert(
    fc.property(quantity, (text) => {
      const value = parseQuantity(text);
      const shown = formatQuantity(value);
      return parseQuantity(shown).nanos === value.nanos && canonical(shown) === shown && !shown.includes('.');
    }),
    { numRuns: 2000 },
  );
});

t.test('property: whole numbers of thousandths, bytes and powers of 1024 are exact', async () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }), fc.nat(6), (count, step) => {
      const binary = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'][step]!;
      const wanted = count * 1024n ** BigInt(step);
      const most = 2n ** 63n - 1n;
      const cut = wanted > most ? most : wanted < -most ? -most : wanted;
      return (
        parseQuantity(`${count}m`).nanos === count * 1_000_000n &&
        parseQuantity(`${count}${binary}`).nanos === cut * 1_000_000_000n
      );
    }),
  );
});

t.test('property: order is kept by rounding to thousandths', async () => {
  fc.assert(
    fc.property(quantity, quantity, (a, b) => {
      const before = Math.sign(compareQuantities(a, b));
      const after = Math.sign(compareQuantities(roundToMilli(parseQuantity(a)), roundToMilli(parseQuantity(b))));
      return after === before || after === 0;
    }),
    { numRuns: 1000 },
  );
});

t.test('property: any text either is a quantity or is refused as one', async () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[-+]?[0-9.eEinumkKMGTP+-]{0,12}$/)), (text) => {
      try {
        parseQuantity(text);
        return true;
      } catch (error) {
        return error instanceof PodrunError && error.code === 'ERR_PODRUN_QUANTITY';
      }
    }),
    { numRuns: 2000 },
  );
});
