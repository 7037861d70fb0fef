import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { sh, skipSandbox, TestSandbox, textOf } from '../helpers/sandbox.js';

t.test('the log of a container', { skip: skipSandbox }, async (t) => {
  const sandbox = await TestSandbox.open(t);
  const records = (log: string) => [...log.matchAll(/^(\S+) (stdout|stderr) ([FP]) (.*)\n/gm)].map((m) => m.slice(1));

  t.test('has a record for each line, with time and stream', async (t) => {
    const before = Date.now();
    await sandbox.start('lines', sh('echo out; echo; echo err >&2; printf end'));
    await sandbox.exit('lines');
    const log = readFileSync(sandbox.logFile('lines'), 'utf8');
    const kinds = records(log).map(([, stream, kind, text]) => `${stream} ${kind} ${text}`);
    t.same(kinds.sort(), ['stderr F err', 'stdout F ', 'stdout F out', 'stdout P end']);
    for (const [time] of records(log)) {
      t.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
      t.ok(Date.parse(time!) >= before - 1 && Date.parse(time!) <= Date.now() + 1, 'of now');
    }
    t.equal(statSync(sandbox.logFile('lines')).mode & 0o777, 0o640);
  });

  t.test('cuts lines of more than 16384 bytes', async (t) => {
    const line = (length: number) => `head -c ${length} /dev/zero | tr "\\0" x; echo`;
    const { log } = await sandbox.run(sh([16384, 16385, 40000, 3].map(line).join(';')));
    const lengths = records(log).map(([, , kind, text]) => `${kind} ${text!.length}`);
    t.same(lengths, ['F 16384', 'P 16384', 'F 1', 'P 16384', 'P 16384', 'F 7232', 'F 3']);
  });

  t.test('loses nothing of what comes fast', async (t) => {
    const { log, startedAt, finishedAt } = await sandbox.run(['seq', '1', '20000']);
    const expected = Array.from({ length: 20000 }, (_, i) => `${i + 1}\n`).join('');
    t.equal(textOf(log), expected);
    const ms = Date.parse(finishedAt) - Date.parse(startedAt);
    t.comment(`20000 lines in ${ms} ms`);
    const lines = 500_000;
    const request = { logMaxBytes: 1 << 30 };
    const big = await sandbox.run(sh(`yes 0123456789012345678901234567890123456789 | head -n ${lines}`), { request });
    t.equal(big.log.length, lines * (41 + '2026-01-01T00:00:00.000000000Z stdout F '.length));
  });

  t.test('is rotated by renaming, between records, and only so many are kept', async (t) => {
    const request = { logMaxBytes: 20_000, logMaxFiles: 3 };
    await sandbox.start('rotated', ['seq', '1', '3000'], { request });
    await sandbox.exit('rotated');
    const directory = dirname(sandbox.logFile('rotated'));
    const [current, ...rotated] = readdirSync(directory).sort();
    t.equal(current, '0.log');
    t.equal(rotated.length, 2);
    for (const name of rotated) t.match(name, /^0\.log\.\d{8}-\d{6}\.\d{9}$/);
    const texts = [...rotated, current!].map((name) => readFileSync(join(directory, name), 'utf8'));
    for (const text of texts) t.ok(text.length <= 20_000 && text.endsWith('\n'));
    const numbers = textOf(texts.join('')).trim().split('\n').map(Number);
    t.equal(numbers.at(-1), 3000);
    t.ok(numbers.every((number, i) => i === 0 || number === numbers[i - 1]! + 1));
  });

  t.test('is not written through a link', async (t) => {
    const log = sandbox.logFile('linked');
    mkdirSync(dirname(log), { recursive: true });
    const target = join(sandbox.directory, 'victim');
    symlinkSync(target, log);
    t.match(await sandbox.refusal(['true'], { request: { log } }), { errno: 40, path: log });
    t.notOk(existsSync(target));
    t.ok(lstatSync(log).isSymbolicLink());
  });

  t.test('on a full disk does not stop the container', async (t) => {
    const disk = join(sandbox.directory, 'disk');
    mkdirSync(disk);
    // Seen by the sandbox alone, so that nothing is left to unmount.
    const inSandbox = ['-t', String(sandbox.pid), '-m'];
    execFileSync('nsenter', [...inSandbox, 'mount', '-t', 'tmpfs', '-o', 'size=64k', 'small', disk]);
    const log = join(disk, '0.log');
    const read = () => execFileSync('nsenter', [...inSandbox, 'cat', log], { encoding: 'utf8' });
    await sandbox.start('full', sh('seq 1 100000; exit 9'), { request: { log } });
    t.equal((await sandbox.exit('full')).exitCode, 9);
    t.equal(read().length, 65536);
    t.match(read(), / stdout F 1\n/);
  });
});
