import t from 'tap';
import type { PodrunError } from '../../src/errors.js';
import { SourceText } from '../../src/manifest/report.js';
import { readDocuments } from '../../src/manifest/text/documents.js';
import { resolvePlainScalar } from '../../src/manifest/text/scalar.js';

const documents = (text: string) => readDocuments(new SourceText('pod.yaml', text));
const values = (text: string) => documents(text).map(({ value }) => value);
/** One value that the YAML package has to read: a tag keeps the plain reader away. */
const viaYaml = (text: string) => values(`!!map\n${text}`)[0];

function syntaxError(text: string): PodrunError {
  try {
    documents(text);
  } catch (error) {
    return error as PodrunError;
  }
  throw new Error(`was read: ${text}`);
}

t.test('plain scalars are what go-yaml makes of them', async (t) => {
  const cases: readonly (readonly [string, unknown])[] = [
    ...['yes', 'Yes', 'on', 'ON', 'y', 'true', 'TRUE'].map((text) => [text, true] as const),
    ...['no', 'off', 'Off', 'n', 'N', 'false'].map((text) => [text, false] as const),
    ...['', '~', 'null', 'NULL'].map((text) => [text, null] as const),
    ['0400', 256],
    ['01777', 1023],
    ['-010', -8],
    ['0o17', 15],
    ['08', 8],
    ['0', 0],
    ['00', 0],
    ['1_000', 1000],
    ['0x1F', 31],
    ['0b101', 5],
    ['+5', 5],
    ['1.5', 1.5],
    ['.5', 0.5],
    ['1.', 1],
    ['1e3', 1000],
    ['-1.5E-1', -0.15],
    ['.inf', Number.POSITIVE_INFINITY],
    ['12:30', '12:30'],
    ['2001-12-14', '2001-12-14'],
    ['1.2.3', '1.2.3'],
    ['0x', '0x'],
    ['1e', '1e'],
    ['-', '-'],
    ['yEs', 'yEs'],
    ['True!', 'True!'],
    ['١', '١'],
  ];
  for (const [text, expected] of cases) t.strictSame(resolvePlainScalar(text), expected, JSON.stringify(text));
});

t.test('quoted and tagged scalars', async (t) => {
  t.strictSame(viaYaml('a: "yes"\nb: \'0400\'\nc: !!str 12\nd: !!int "0x10"\ne: !!binary aGk=\nf: ! 12'), {
    a: 'yes',
    b: '0400',
    c: '12',
    d: 16,
    e: 'hi',
    f: '12',
  });
  t.match(syntaxError('a: !!int x'), { message: /pod\.yaml:1:10: cannot read "x" as !!int/ });
  t.match(syntaxError('a: !secret x'), { message: /unknown tag !secret/ });
});

t.test("\\' in double quotes is an apostrophe, and only that escape is added", async (t) => {
  t.strictSame(values(`a: "it\\'s"`), [{ a: "it's" }]);
  t.strictSame(values(`a: "\\\\\\'x\\\\' \\'\\"y"\nb: "plain"`), [{ a: `\\'x\\' '"y`, b: 'plain' }]);
  t.strictSame(values(`a: "one\n  two\\'s\n\n  three"`), [{ a: "one two's\nthree" }]);
  t.match(syntaxError('a: "\\q"'), {
    code: 'ERR_PODRUN_MANIFEST_SYNTAX',
    message: /pod\.yaml:1:5: invalid escape sequence \\q/,
  });
});

t.test('flow style with trailing commas and comments', async (t) => {
  const kyaml = `---
{
  apiVersion: "v1", # the version
  list: [
    "a",
    'b',
  ],
  "quoted": {x: 1, z: ~,},
}
`;
  t.strictSame(values(kyaml), [{ apiVersion: 'v1', list: ['a', 'b'], quoted: { x: 1, z: null } }]);
});

t.test('block scalars and folded lines', async (t) => {
  const text = 'a: |\n  x\n    y\nb: >-\n  one\n  two\n\n  three\nc: |+\n  z\n\nd: one\n  two';
  t.strictSame(values(text), [{ a: 'x\n  y\n', b: 'one two\nthree', c: 'z\n\n', d: 'one two' }]);
});

t.test('several documents, empty ones left out', async (t) => {
  t.strictSame(values('---\n# nothing\n---\na: &x 1\n---\n\n---\nb: 2\n...\n'), [{ a: 1 }, { b: 2 }]);
  t.strictSame(values('# only a comment\n'), []);
  t.strictSame(values(''), []);
  t.strictSame(values('{"a": 1}\n---\n{"b": 2}\n'), [{ a: 1 }, { b: 2 }]);
});

t.test('a byte order mark and carriage returns are no obstacle', async (t) => {
  t.strictSame(values('\ufeffa: 1\r\nb: "x"\r\n'), [{ a: 1, b: 'x' }]);
  t.strictSame(values('\ufeff{"a": 1}'), [{ a: 1 }]);
});

t.test('anchors, aliases and merge keys', async (t) => {
  const text =
    'base: &b {p: 1, q: 2}\nother: &o {q: 3, r: 4}\nalias: *b\none: {<<: *b, q: 5}\nboth: {<<: [*b, *o], w: 0}\ns: &s hi\nt: *s';
  t.strictSame(values(text), [
    {
      base: { p: 1, q: 2 },
      other: { q: 3, r: 4 },
      alias: { p: 1, q: 2 },
      one: { q: 5, p: 1 },
      both: { w: 0, p: 1, q: 2, r: 4 },
      s: 'hi',
      t: 'hi',
    },
  ]);
  t.match(syntaxError('a: *nowhere'), { message: /nowhere/ });
  t.match(syntaxError('a: &x {b: *x}'), { message: /the value of anchor "x" contains itself/ });
  t.match(syntaxError('a: {<<: 1}'), { message: /<< has to be given a map/ });
});

t.test('an anchor means its last value before the alias', async (t) => {
  t.strictSame(values('a: &x 1\nb: *x\nc: &x 2\nd: *x'), [{ a: 1, b: 1, c: 2, d: 2 }]);
});

t.test('keys become strings the way Kubernetes makes them', async (t) => {
  t.strictSame(values('on: a\n1: b\n010: c\n"1.5": d\n? x\n: e'), [{ 1: 'b', 8: 'c', true: 'a', '1.5': 'd', x: 'e' }]);
  t.match(syntaxError('{a: 1}: x'), { message: /a key has to be a string/ });
  t.match(syntaxError('name: {{ .Release.Name }}'), {
    message: /pod\.yaml:1:8: a template in double braces: render it first/,
  });
});

t.test('a key that is set twice is reported, in YAML and in JSON', async (t) => {
  const found = (text: string) =>
    documents(text).flatMap(({ duplicates }) => duplicates.map(({ path, span }) => [path, span.start]));
  t.strictSame(found('a:\n  b: 1\n  c: 2\n  b: 3\n'), [[['a', 'b'], 19]]);
  t.strictSame(found('{"a": {"b": 1, "b": {"x": "y: \\" z"}}}'), [[['a', 'b'], 15]]);
  t.strictSame(found('{"a": "\\"b\\": ", "c": [{"a": 1}, {"a": "a"}]}'), []);
});

t.test('__proto__ is a key like any other', async (t) => {
  for (const text of ['__proto__: {x: 1}', '{"__proto__": {"x": 1}}']) {
    const [value] = values(text) as [object];
    t.strictSame(Object.keys(value), ['__proto__'], text);
    t.equal(Object.getPrototypeOf(value), Object.prototype);
  }
});

t.test('a bomb of aliases is refused and not unfolded', async (t) => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 12; level += 1)
    lines.push(
      `a${level}: &a${level} [${Array(10)
        .fill(`*a${level - 1}`)
        .join(', ')}]`,
    );
  const start = performance.now();
  t.match(syntaxError(lines.join('\n')), { code: 'ERR_PODRUN_MANIFEST_SYNTAX', message: /too many values/ });
  t.ok(performance.now() - start < 3000);
  const long = `a: &a ${'x'.repeat(100_000)}\nb: [${Array(100).fill('*a').join(', ')}]`;
  t.match(syntaxError(long), { message: /too long with its aliases expanded/ });
});

t.test('depth and size have limits', async (t) => {
  const deep = (levels: number, open: string, close: string) => `{"a": ${open.repeat(levels)}${close.repeat(levels)}}`;
  t.strictSame(Object.keys(values(deep(50, '[', ']'))[0] as object), ['a']);
  for (const text of [
    deep(101, '[', ']'),
    deep(20_000, '[', ']'),
    `a: ${'['.repeat(20_000)}`,
    deep(3000, '{"a":', '}').replace('""', '1'),
  ]) {
    const error = syntaxError(text);
    t.equal(error.code, 'ERR_PODRUN_MANIFEST_SYNTAX', text.slice(0, 20));
  }
  t.match(syntaxError(deep(101, '[', ']')), { message: /nested too deeply/ });
  t.match(syntaxError(`a: ${'x'.repeat(3 * 1024 * 1024)}`), { message: /longer than 3145728 characters/ });
});

t.test('a long string in JSON is read', async (t) => {
  const long = '\\"a\\": '.repeat(300_000);
  t.equal((values(`{"a": "${long}"}`)[0] as { a: string }).a.length, 5 * 300_000);
});

t.test('text that is no YAML is refused with place, line and caret', async (t) => {
  const error = syntaxError('a: 1\nb: [1, 2\nc: }\n');
  t.equal(error.code, 'ERR_PODRUN_MANIFEST_SYNTAX');
  t.equal(error.kind, 'invalid');
  t.match(error.message, /^pod\.yaml:\d+:\d+: [a-z].*\n +\d+ \| .*\n +\| +\^/);
  t.ok((error.problems?.length ?? 0) > 0);
  t.equal(syntaxError('a: 1\n  b: 2').problems?.length, 1, 'one problem for each line');
  t.match(syntaxError('a: b\n\tc: d'), { message: /pod\.yaml:2:1: / });
  t.match(syntaxError('{"a": 1,, "b": 2}'), { message: /pod\.yaml:1:9: / });
});

t.test('what no text has is one problem, not one for each line', async (t) => {
  const error = syntaxError('a: 1\nb: \u0000\u0001\nc: }\n\u0007');
  t.equal(error.code, 'ERR_PODRUN_MANIFEST_SYNTAX');
  t.equal(error.problems?.length, 1);
  t.match(error.message, /^pod\.yaml:2:4: control characters are not allowed \(0x00\)/);
  t.same(
    values('a: "\\u0000\\t"\r\nb: \t\u00e9 \ufffd'),
    [{ a: '\u0000\t', b: '\u00e9 \ufffd' }],
    'an escaped one is none',
  );
});

t.test('every value and every key can be found again', async (t) => {
  const place = (text: string, path: Parameters<ReturnType<typeof documents>[0]['locate']>[0], at: 'key' | 'value') => {
    const span = documents(text)[0]!.locate(path, at)!;
    return text.slice(span.start, span.end);
  };
  for (const text of ['a:\n  b: [x, yy]\n  c: "q"\n', '{"a": {"b": ["x", "yy"], "c": "q"}}']) {
    const quote = text.startsWith('{') ? '"' : '';
    t.equal(place(text, ['a', 'b', 1], 'value'), `${quote}yy${quote}`);
    t.equal(place(text, ['a', 'b'], 'key'), `${quote}b${quote}`);
    t.equal(place(text, ['a', { key: 'c' }], 'value'), '"q"');
    t.equal(place(text, ['a', 'none', 'x'], 'value'), `${quote}a${quote}`, 'what is missing is at the key around it');
  }
  t.equal(place('a: &x {b: 1}\nc: *x', ['c', 'b'], 'value'), '1');
  t.equal(place('a: &x {b: 1}\nc: *x', ['c'], 'value'), '*x');
  t.equal(documents('---\na: 1\n---\nb: 2')[1]!.locate(['b'], 'value')!.start, 16);
});
