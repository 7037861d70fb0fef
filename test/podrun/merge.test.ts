import { test } from 'tap';
import { merge } from '../../src/podrun/merge.js';

async function* timed(items: readonly [number, string][]): AsyncGenerator<string> {
  for (const [ms, item] of items) {
    await new Promise((resolve) => setTimeout(resolve, ms));
    yield item;
  }
}

test('items come in the order of their time, and each source keeps its own', async (t) => {
  const seen: string[] = [];
  for await (const item of merge([
    timed([
      [0, 'a1'],
      [60, 'a2'],
    ]),
    timed([
      [30, 'b1'],
      [60, 'b2'],
    ]),
  ]))
    seen.push(item);
  t.same(seen, ['a1', 'b1', 'a2', 'b2']);
});

test('nothing comes of nothing', async (t) => {
  const seen: string[] = [];
  for await (const item of merge<string>([])) seen.push(item);
  t.same(seen, []);
});
