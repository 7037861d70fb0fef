import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import t from 'tap';
import { stringify } from 'yaml';
import { readPlainYaml } from '../../src/manifest/text/plain.js';
import { readYaml } from '../../src/manifest/text/yaml.js';

/** Whatever the short way accepts, the YAML package has to accept, too, with the same values. */
function agrees(text: string): boolean {
  const plain = readPlainYaml(text);
  if (plain === undefined) return true;
  const { documents, problems } = readYaml(text);
  const [a, b] = [JSON.stringify(plain), JSON.stringify(documents.map(({ value }) => value))];
  if (problems.length > 0 || a !== b)
    throw new Error(`${JSON.stringify(text)}\nplain ${a}\nyaml  ${b} ${JSON.stringify(problems)}`);
  return documents.every(({ duplicates }) => duplicates.length === 0);
}

t.test('the plain part of YAML is read', async (t) => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['a: 1', [{ a: 1 }]],
    ['a: b # c', [{ a: 'b' }]],
    ['a: b#c', [{ a: 'b#c' }]],
    ['a: "x: y # z"', [{ a: 'x: y # z' }]],
    ['a: \'x: "y" # z\' # comment', [{ a: 'x: "y" # z' }]],
    ['a: http://x:80/y', [{ a: 'http://x:80/y' }]],
    ['a:\nb: ~', [{ a: null, b: null }]],
    ['a:\n- b\n- c\nd: e', [{ a: ['b', 'c'], d: 'e' }]],
    ['a:\n  - b\n  -\n  - - c', [{ a: ['b', null, ['c']] }]],
    ['- a: 1\n  b: 2\n- c', [[{ a: 1, b: 2 }, 'c']]],
    ['-   a: 1\n    b:\n    - 2', [[{ a: 1, b: [2] }]]],
    ['a: [/bin/sh, -c, \'echo "x, y" && z\', "q"]', [{ a: ['/bin/sh', '-c', 'echo "x, y" && z', 'q'] }]],
    ['a: [1, yes, 010, ]x'.replace(', ]x', ']'), [{ a: [1, true, 8] }]],
    ['a: {}\nb: [ ] # none', [{ a: {}, b: [] }]],
    ['a: |\n  x\n   # y\n\n  z\nb: 1', [{ a: 'x\n # y\n\nz\n', b: 1 }]],
    ['- |-\n  x\n  y\n\n', [['x\ny']]],
    ['# c\n---\n# d\na: 1\n---\n---\nb: 2\n---\n', [{ a: 1 }, { b: 2 }]],
    ['', []],
    ['a: no', [{ a: false }]],
  ];
  for (const [text, expected] of cases) {
    t.strictSame(readPlainYaml(text), expected, JSON.stringify(text));
    t.ok(agrees(text));
  }
});

t.test('anything else is left to the YAML package', async (t) => {
  const cases = [
    'a: &x 1',
    'a: *x',
    'a: !!str 1',
    'a: >\n  x',
    'a: "x\\n"',
    "a: 'it''s'",
    'a: b\n  c',
    'a:\n  b: 1\n c: 2',
    'a: [b, {c: d}]',
    'a: [b,\n c]',
    '? a',
    '"a": b',
    'on: x',
    '1: x',
    'a: 1\na: 2',
    '<<: {}',
    'a: b: c',
    'a:\tb',
    'a: b\r\n',
    '%YAML 1.1\n---\na: 1',
    'just text',
    '{}',
    'a: - b',
    'a: @b',
    'a: `b',
    '__proto__: 1',
    '\ufeffa: 1',
    'a: |2\n   x',
    'a: b:',
    '...',
    '--- a',
  ];
  for (const text of cases) t.equal(readPlainYaml(text), undefined, JSON.stringify(text));
});

t.test('property: it agrees with the YAML package on texts made of its own parts', async () => {
  const indent = fc.constantFrom('', '', '  ', '  ', '    ', '   ', '      ');
  const dash = fc.constantFrom('', '', '- ', '- - ', '-   ');
  const key = fc.constantFrom('a: ', 'b: ', 'c:', 'app.io/x: ', '', 'on: ', 'a:b: ', '"q": ', 'a : ');
  const value = fc.constantFrom(
    '',
    'x',
    '1',
    '0400',
    '08',
    '1.5',
    '1e3',
    '-',
    '-1',
    '-c',
    '~',
    'yes',
    'x y',
    'x: y',
    'x:y',
    'x:',
    ':x',
    '# c',
    'x # c',
    'x#c',
    '"x # y"',
    '"x" y',
    '"x',
    "'x'",
    "''",
    "'a''b'",
    '[]',
    '[a, b]',
    '[a,b,]',
    '[a, "b, c", \'d\']',
    '[a b, -c, 1]',
    '[a: b]',
    '[',
    '[]]',
    '{}',
    '{a: b}',
    '|',
    '|-',
    '|+',
    '>',
    '&a',
    '*a',
    '!x',
    '@',
    '%',
    '?',
    '? x',
    '<a>',
    '(x)',
    '$(X)',
    '---',
    '...',
    '12:30',
    '2001-01-01',
    '.',
    '=',
    'null',
    '"\\n"',
    '\t',
  );
  const line = fc.tuple(indent, dash, key, value).map((parts) => parts.join(''));
  const text = fc.array(
    fc.oneof({ weight: 12, arbitrary: line }, fc.constantFrom('', '---', '# c', '  # c', '   ', '--- ')),
    { maxLength: 7 },
  );
  fc.assert(
    fc.property(text, (lines) => agrees(lines.join('\n'))),
    { numRuns: 6000 },
  );
});

t.test('property: it agrees on any text', async () => {
  const soup = fc.stringMatching(/^[ab:\-\n #"'[\],{}|>0 ]{0,24}$/);
  fc.assert(fc.property(soup, agrees), { numRuns: 4000 });
});

const word = fc.stringMatching(/^[A-Za-z][A-Za-z0-9/._:#-]{0,6}$/);
const leaf = fc.oneof(
  word,
  word,
  fc.nat(999),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom('- x', '', 'a: b', 'x\ny', '0400', 'yes'),
);
const keys = ['a', 'b', 'c', 'name', 'env', 'app.io/x', 'ports', 'command', 'x_y', 'q', 'x y'];
const tree = fc.letrec((tie) => ({
  node: fc.oneof({ maxDepth: 4, depthSize: 'small' }, leaf, tie('list'), tie('map'), tie('map')),
  list: fc.array(tie('node'), { minLength: 1, maxLength: 3 }),
  map: fc.dictionary(fc.constantFrom(...keys), tie('node'), { minKeys: 1, maxKeys: 4 }),
}));

/** A line taken away, put in twice, joined to the one before, or moved sideways. */
const change = fc.record({
  at: fc.nat(99),
  what: fc.constantFrom('none', 'drop', 'twice', 'join', 'left', 'right', 'comment'),
});

function changed(text: string, { at, what }: { readonly at: number; readonly what: string }): string {
  const lines = text.split('\n');
  const line = lines[at % lines.length]!;
  const instead: Record<string, readonly string[]> = {
    drop: [],
    twice: [line, line],
    join: [`\0${line.trimStart()}`],
    left: [line.replace(/^ {1,2}/, '')],
    right: [` ${line}`],
    comment: [line, '  # comment'],
  };
  lines.splice(at % lines.length, 1, ...(instead[what] ?? [line]));
  return lines.join('\n').replaceAll('\n\0', ' ').replaceAll('\0', '');
}

t.test('property: it agrees on YAML as others write it, and on the same with a mistake in it', async (t) => {
  let read = 0;
  const style = fc.constantFrom(
    { indentSeq: true, singleQuote: true },
    { indentSeq: false, defaultStringType: 'QUOTE_DOUBLE' as const, defaultKeyType: 'PLAIN' as const },
    { indentSeq: false, indent: 4 },
  );
  fc.assert(
    fc.property(tree.map, style, change, (value, options, mistake) => {
      const text = changed(stringify(value, { ...options, version: '1.1', lineWidth: 0 }), mistake);
      if (text.split('\n').length > 4 && readPlainYaml(text) !== undefined) read += 1;
      return agrees(text);
    }),
    { numRuns: 3000 },
  );
  t.ok(read > 100, `${read} texts of more than 3 lines were read`);
});

const corpus = join(
  process.env['PODRUN_SHARED'] ?? fileURLToPath(new URL('../../../shared', import.meta.url)),
  'corpus',
);

t.test(
  'it agrees on manifests of others, and reads most of them',
  { skip: existsSync(corpus) ? false : 'no corpus of manifests' },
  async (t) => {
    const files = readdirSync(corpus, { recursive: true, encoding: 'utf8' }).filter((path) => /\.ya?ml$/.test(path));
    const texts = files.map((path) => readFileSync(join(corpus, path), 'utf8'));
    t.ok(texts.every(agrees));
    const read = texts.filter((text) => readPlainYaml(text) !== undefined).length;
    t.ok(read / texts.length > 0.9, `${read} of ${texts.length}`);
  },
);
