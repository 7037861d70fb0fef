import { Readable } from 'node:stream';
import t from 'tap';
import type { LogsOptions } from '../../src/podrun/api.js';
import { FakePodrun, line, podrun } from './fake.js';

const lines = [line('a', 'first'), line('a', 'second', { stream: 'stderr' })];

t.test('logs prints both streams to stdout, as they came', async (t) => {
  t.same(await podrun(['logs', 'p'], { podrun: new FakePodrun([{ name: 'p', lines }]) }), {
    code: 0,
    out: 'first\nsecond\n',
    err: '',
  });
});

t.test('logs takes the first of several containers and says so', async (t) => {
  const { err } = await podrun(['logs', 'p'], {
    podrun: new FakePodrun([{ name: 'p', containers: ['a', 'b'], lines }]),
  });
  t.equal(err, 'podrun: container "a" of: a, b (-c chooses another)\n');
});

t.test('logs --prefix and --timestamps precede each line', async (t) => {
  const { out } = await podrun(['logs', 'p', '--all-containers', '--prefix', '--timestamps'], {
    podrun: new FakePodrun([{ name: 'p', lines }]),
  });
  t.equal(out, '[pod/p/a] 2026-01-01T00:00:00.000000000Z first\n[pod/p/a] 2026-01-01T00:00:00.000000000Z second\n');
});

t.test('logs passes on what is asked for', async (t) => {
  const asked: unknown[] = [];
  const fake = new FakePodrun([{ name: 'p' }]);
  const [handle] = fake.handles;
  handle!.logs = (options: LogsOptions = {}) => {
    const { onLost: _, ...rest } = options;
    asked.push({ ...rest, signal: undefined });
    return Readable.from([]);
  };
  await podrun(['logs', 'p', '-f', '-c', 'x', '--tail', '5', '--since', '1m30s'], { podrun: fake });
  await podrun(['logs', 'p', '--all-containers', '--tail=-1'], { podrun: fake });
  t.same(asked, [
    { follow: true, container: 'x', tailLines: 5, sinceSeconds: 90, signal: undefined },
    { follow: false, signal: undefined },
  ]);
});

t.test('logs of a Pod that is not there is an error, as JSON if asked for', async (t) => {
  const { code, err } = await podrun(['logs', 'nope']);
  t.equal(code, 125);
  t.equal(err, 'podrun: no pod "nope" in namespace "default"\n');
});
