import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readSource } from '../../src/podrun/source.js';

const unreadable = (message: RegExp) => ({ code: 'ERR_PODRUN_MANIFEST_UNREADABLE', message });

t.test('a file without an end is not read to its end', async (t) => {
  t.throws(() => readSource({ file: '/dev/zero' }), unreadable(/^\/dev\/zero has more than 3 MiB$/));
});

t.test('a file that is not UTF-8 is refused in one line', async (t) => {
  const file = join(t.testdir(), 'pod.yaml');
  writeFileSync(file, Buffer.from([0x61, 0x3a, 0x20, 0xff, 0xfe, 0x0a]));
  t.throws(() => readSource({ file }), unreadable(/is not text in UTF-8$/));
});

t.test('a file that is not there, or is a directory, is said to be that', async (t) => {
  t.throws(() => readSource({ file: '/nowhere.yaml' }), unreadable(/^cannot read \/nowhere\.yaml: no such file$/));
  t.throws(() => readSource({ file: '/' }), unreadable(/^cannot read \/: is a directory$/));
});

t.test('a file is read whole, at the limit too', async (t) => {
  const text = 'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: c, image: i}]}\n';
  const file = join(t.testdir(), 'pod.yaml');
  writeFileSync(file, `${text}#${'x'.repeat(3 * 1024 * 1024 - text.length - 1)}`);
  t.equal(readSource({ file }).workloads.length, 1);
});
