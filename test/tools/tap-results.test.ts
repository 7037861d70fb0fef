import { Readable } from 'node:stream';
import t from 'tap';
import { countResults, summaryLine } from './results.mjs';
import { tapResults } from './tap-results.mjs';

const tap = `TAP version 14
# Subtest: one
    ok 1 - a
    ok 2 - b
    1..2
ok 1 - one

# Subtest: group
    # Subtest: inner
        not ok 1 - x
        1..1
    not ok 1 - inner
    ok 2 - later # SKIP no cgroup2
    1..2
not ok 2 - group

# Subtest: says why
    ok 1 - needs root # SKIP
    1..1
ok 3 - says why

ok 4 - planned # TODO some day

# Subtest: breaks in its teardown
    # Subtest: fine
        ok 1 - y
        1..1
    ok 1 - fine
    not ok 2 - left on the machine
    1..2
not ok 5 - breaks in its teardown

ok 6 - beside the subtests
1..6
`;

t.test('a test is a subtest without subtests, or an assertion beside them', async (t) => {
  const { tests, ok } = await tapResults(Readable.from([tap]));
  t.equal(ok, false);
  t.same(tests, [
    { name: 'one', result: 'passed' },
    { name: 'group > inner', result: 'failed' },
    { name: 'group > later', result: 'skipped', reason: 'no cgroup2' },
    { name: 'says why', result: 'skipped', reason: 'needs root' },
    { name: 'breaks in its teardown > fine', result: 'passed' },
    { name: 'breaks in its teardown > left on the machine', result: 'failed' },
    { name: 'planned', result: 'skipped', reason: 'to do: some day' },
    { name: 'beside the subtests', result: 'passed' },
  ]);
  t.equal(summaryLine(countResults(tests)), '3 passed, 2 failed, 3 skipped');
});

t.test('a file that is skipped as a whole is one skipped test', async (t) => {
  const { tests } = await tapResults(Readable.from(['TAP version 14\n1..0 # SKIP no network\n']));
  t.match(tests, [{ result: 'skipped', reason: /no network/ }]);
});

t.test('output that breaks off is not in order', async (t) => {
  const { ok } = await tapResults(Readable.from(['TAP version 14\nok 1 - a\n1..2\n']));
  t.equal(ok, false);
});

t.test('skipped tests are not mentioned when there are none', async (t) => {
  t.equal(summaryLine({ passed: 3, failed: 0, skipped: 0 }), '3 passed, 0 failed');
});
