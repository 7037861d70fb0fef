import { readFileSync } from 'node:fs';
import t from 'tap';
import { errnoCode, errorKinds, PodrunError } from '../src/errors.js';

const page = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| ERR_PODRUN_'))
  .map((line) => line.split('|').map((cell) => cell.trim()));

t.test('docs/errors.md has one row for each code, with its kind, and no row for another', async (t) => {
  t.strictSame(Object.fromEntries(rows.map(([, code, kind]) => [code, kind])), { ...errorKinds });
  t.equal(rows.length, Object.keys(errorKinds).length, 'no code twice');
});

t.test('every row says when; every kind in use is explained', async (t) => {
  for (const [, code, , when] of rows) t.ok(when, `${code}`);
  for (const kind of new Set(Object.values(errorKinds))) t.ok(page.includes(`\n| ${kind} | `), kind);
});

t.test('an error carries its kind and the details that are known', async (t) => {
  const cause = new Error('below');
  const error = new PodrunError('ERR_PODRUN_STATE', 'cannot write /x', { path: '/x', hint: 'make room', cause });
  t.match(error, { name: 'PodrunError', code: 'ERR_PODRUN_STATE', kind: 'internal', path: '/x', hint: 'make room' });
  t.equal(error.cause, cause);
  t.notOk('cause' in new PodrunError('ERR_PODRUN_STATE', 'x'), 'no cause unless there is one');
});

t.test('errors of another copy of the package are recognised, others are not', async (t) => {
  const foreign = Object.assign(new Error('x'), { [Symbol.for('podrun.error')]: true });
  t.ok(foreign instanceof PodrunError);
  for (const value of [new Error('x'), null, undefined, 'x', {}]) t.notOk((value as unknown) instanceof PodrunError);
});

t.test('errnoCode reads the code of system errors', async (t) => {
  t.equal(errnoCode(Object.assign(new Error(), { code: 'ENOENT' })), 'ENOENT');
  for (const value of [new Error(), Object.assign(new Error(), { code: 5 }), null, 'ENOENT'])
    t.equal(errnoCode(value), undefined);
});
