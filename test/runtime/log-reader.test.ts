import { appendFileSync, mkdirSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { parseRecord, parseRecords } from '../../src/runtime/log-format.js';
import { type ReadLogOptions, readLog } from '../../src/runtime/log-reader.js';

const line = (text: string, tag = 'F', stream = 'stdout') =>
  `2026-01-02T03:04:05.123456789Z ${stream} ${tag} ${text}\n`;

async function collect(options: ReadLogOptions): Promise<string[]> {
  const texts: string[] = [];
  for await (const batch of readLog(options)) texts.push(...batch.map((record) => record.text.toString()));
  return texts;
}

test('a record has time, stream, tag and the text as it is', (t) => {
  t.match(parseRecord(Buffer.from('2026-01-02T03:04:05Z stderr P  two  spaces ')), {
    time: '2026-01-02T03:04:05Z',
    stream: 'stderr',
    partial: true,
    text: Buffer.from(' two  spaces '),
  });
  t.equal(parseRecord(Buffer.from('half of a rec')), undefined);
  t.equal(parseRecord(Buffer.from('2026 stdin F x')), undefined);
  t.equal(parseRecords(Buffer.from(`${line('a')}2026-01`)).rest.toString(), '2026-01');
  t.end();
});

test('without follow only the latest attempt is read', async (t) => {
  const directory = t.testdir({ '0.log': line('old'), '1.log': line('new') + line('newer') });
  t.same(await collect({ directory }), ['new', 'newer']);
  t.same(await collect({ directory, fromStart: true }), ['old', 'new', 'newer']);
});

test('a tail counts lines, not records, and keeps the pieces of a line together', async (t) => {
  const directory = t.testdir({ '0.log': line('a') + line('b1', 'P') + line('b2') + line('c') });
  t.same(await collect({ directory, tailLines: 2 }), ['b1', 'b2', 'c']);
  t.same(await collect({ directory, tailLines: 0 }), []);
  t.same(await collect({ directory, tailLines: 10 }), ['a', 'b1', 'b2', 'c']);
});

test('a directory that is not there has no lines', async (t) => {
  t.same(await collect({ directory: join(t.testdir(), 'none') }), []);
});

test('a reader that rotation has overtaken is told so, once', async (t) => {
  const directory = t.testdir({ '0.log': line('one') });
  const path = join(directory, '0.log');
  const ended = new AbortController();
  let lost = 0;
  const reading = collect({ directory, ended: ended.signal, onLost: () => lost++ });
  // Without a turn of the event loop the reader can't look in between.
  for (let round = 0; round < 2; round++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (let i = 0; i < 3; i++) {
      renameSync(path, `${path}.20260101-00000${round}.${i}`);
      writeFileSync(path, line(`${round}.${i}`));
    }
    for (let i = 0; i < 3; i++) unlinkSync(`${path}.20260101-00000${round}.${i}`);
  }
  ended.abort();
  t.same(await reading, ['one', '0.2', '1.2']);
  t.equal(lost, 1);
});

test('following goes on over rotation and restart, and loses nothing when files are unlinked at the end', async (t) => {
  const directory = join(t.testdir(), 'web');
  mkdirSync(directory);
  const first = join(directory, '0.log');
  writeFileSync(first, line('one'));
  const ended = new AbortController();
  const reading = collect({ directory, fromStart: true, ended: ended.signal });
  await new Promise((resolve) => setTimeout(resolve, 50));
  appendFileSync(first, line('two'));
  renameSync(first, `${first}.20260101-000000`);
  writeFileSync(first, line('three'));
  renameSync(first, `${first}.20260101-000001`);
  writeFileSync(first, line('four'));
  writeFileSync(join(directory, '1.log'), line('five'));
  await new Promise((resolve) => setTimeout(resolve, 50));
  appendFileSync(join(directory, '1.log'), line('six'));
  ended.abort();
  unlinkSync(join(directory, '1.log'));
  rmSync(directory, { recursive: true });
  t.same(await reading, ['one', 'two', 'three', 'four', 'five', 'six']);
});

test('a reader that is stopped ends at once', async (t) => {
  const directory = t.testdir({ '0.log': line('one') });
  const stop = new AbortController();
  const reading = collect({ directory, ended: new AbortController().signal, signal: stop.signal });
  setTimeout(() => stop.abort(), 20);
  t.same(await reading, ['one']);
});
