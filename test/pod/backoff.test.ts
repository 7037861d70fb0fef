import { test } from 'tap';
import { backOffDelayMs, nextRestartsInRow } from '../../src/pod/backoff.js';
import { appRestartRule, initRestartRule } from '../../src/pod/restart-rules.js';

test('restarts come at once, then after 10 s doubling to 300 s', (t) => {
  t.same(
    [0, 1, 2, 3, 4, 5, 6, 7, 60].map((n) => backOffDelayMs(n) / 1000),
    [0, 10, 20, 40, 80, 160, 300, 300, 300],
  );
  t.end();
});

test('ten minutes of good run start the count anew', (t) => {
  t.equal(nextRestartsInRow(5, 599_999), 6);
  t.equal(nextRestartsInRow(5, 600_000), 1);
  t.end();
});

test('restartPolicy decides by exit code, and Always means OnFailure for init containers', (t) => {
  const ended = (exitCode: number) => ({ exitCode, reason: '', startedAt: null, finishedAt: null });
  const table = (rule: typeof appRestartRule) =>
    (['Always', 'OnFailure', 'Never'] as const).map((policy) => [rule(policy)(ended(0)), rule(policy)(ended(1))]);
  t.same(table(appRestartRule), [
    [true, true],
    [false, true],
    [false, false],
  ]);
  t.same(table(initRestartRule), [
    [false, true],
    [false, true],
    [false, false],
  ]);
  t.end();
});
