import fc from 'fast-check';
import { test } from 'tap';
import { channel, encodeControl, encodeFrame, FrameDecoder } from '../../src/runtime/frames.js';

test('frames survive any division of the byte stream', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(0, 1, 2, 4), fc.uint8Array({ maxLength: 50 }))),
      fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
      (frames, sizes) => {
        const bytes = Buffer.concat(frames.map(([number, payload]) => encodeFrame(number, payload)));
        const decoder = new FrameDecoder();
        const seen: [number, number[]][] = [];
        for (let at = 0; at < bytes.length; ) {
          const size = sizes.next().value as number;
          decoder.push(bytes.subarray(at, at + size), (number, payload) => seen.push([number, [...payload]]));
          at += size;
        }
        t.same(
          seen,
          frames.map(([number, payload]) => [number, [...payload]]),
        );
      },
    ),
    { numRuns: 50 },
  );
  t.end();
});

test('a control frame is JSON on channel 9', (t) => {
  const frame = encodeControl({ id: 1 });
  t.equal(frame.readUInt8(4), channel.control);
  t.same(JSON.parse(frame.subarray(5).toString()), { id: 1 });
  t.end();
});

test('a frame longer than 1 MiB is refused', (t) => {
  const header = Buffer.alloc(5);
  header.writeUInt32BE((1 << 20) + 1, 0);
  t.throws(() => new FrameDecoder().push(header, () => {}), RangeError);
  t.end();
});
