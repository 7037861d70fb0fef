import fc from 'fast-check';
import t from 'tap';
import { expandReferences } from '../../../src/plan/process/expand.js';

const values: Readonly<Record<string, string>> = { A: 'one', B: 'two', EMPTY: '', NESTED: '$(A)' };
const expand = (text: string) => expandReferences(text, (name) => values[name]);

t.test('a reference becomes the value, an unknown one stays as written', async (t) => {
  t.equal(expand('$(A)'), 'one');
  t.equal(expand('-$(A)-$(B)-'), '-one-two-');
  t.equal(expand('$(EMPTY)'), '');
  t.equal(expand('$(MISSING)'), '$(MISSING)');
  t.equal(expand('$()'), '$()');
});

t.test('$$ becomes $ and shields a reference', async (t) => {
  t.equal(expand('$$(A)'), '$(A)');
  t.equal(expand('$$$(A)'), '$one');
  t.equal(expand('$$$$(A)'), '$$(A)');
  t.equal(expand('5$$'), '5$');
});

t.test('what is no reference stays: open parenthesis, $x, final $, shell forms', async (t) => {
  for (const text of ['$(A', '$A', 'x$', '$', '$' + '{A}', '$(', 'a(A)']) t.equal(expand(text), text);
  t.equal(expand('$($(A)'), '$($(A)', 'the name runs to the first closing parenthesis');
  t.equal(expand('$(A$$'), '$(A$', '$$ is replaced behind an open reference, too');
});

t.test('values are not expanded again', async (t) => {
  t.equal(expand('$(NESTED)'), '$(A)');
});

t.test('a text of many open references takes linear time', async (t) => {
  const started = performance.now();
  expand('$('.repeat(500_000));
  t.ok(performance.now() - started < 1000);
});

/** Character by character, as the kubelet's own reader does it. */
function reference(text: string): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '$' || i + 1 === text.length) {
      out += text[i];
      continue;
    }
    i += 1;
    const close = text[i] === '(' ? text.indexOf(')', i) : -1;
    if (text[i] === '$') out += '$';
    else if (close < 0) out += `$${text[i]}`;
    else {
      const name = text.slice(i + 1, close);
      out += values[name] ?? `$(${name})`;
      i = close;
    }
  }
  return out;
}

t.test('agrees with a reader that goes character by character', async (t) => {
  const piece = fc.constantFrom(
    '$',
    '$$',
    '(',
    ')',
    '$(',
    '$(A)',
    '$(B)',
    '$(NO)',
    '$(NESTED)',
    'A',
    'x',
    ' ',
    '{A}',
    '\u{1f600}',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('');
      return expand(text) === reference(text);
    }),
    { numRuns: 5000 },
  );
  t.pass();
});
