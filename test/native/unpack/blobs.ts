import { execFileSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import type { ErrorCode } from '../../../src/errors.js';
import { endBlocks, file, header, tar } from '../../helpers/tar-builder.js';
import { gzipped, type Layer, plain, type UnpackCase } from './case.js';

const archive = tar(file('a', 'x'.repeat(3000)), file('b', 'y'));
const content = { a: 'x'.repeat(3000), b: 'y' } as const;

const accepts = (name: string, layer: Layer, tree: Record<string, string> = content): UnpackCase => ({
  name,
  layers: () => [layer],
  expect: () => tree,
});
const rejects = (name: string, expect: ErrorCode, layer: Layer): UnpackCase => ({
  name,
  layers: () => [layer],
  expect,
});

function flipped(blob: Buffer, at: number): Buffer {
  const copy = Buffer.from(blob);
  copy[copy.length + at]! ^= 1;
  return copy;
}

/** A zstd frame of stored blocks (RFC 8878), for archives of less than 128 KiB: needs no compressor. */
export function zstdStored(data: Buffer): Buffer {
  const start = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0]);
  start.writeUInt32LE(data.length, 5);
  const block = Buffer.alloc(3);
  block.writeUIntLE(1 | (data.length << 3), 0, 3);
  return Buffer.concat([start, block, data]);
}

const zstdSkippable = Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0]), Buffer.from('meta')]);
const zstd = (blob: Buffer, of = archive): Layer => ({ blob, compression: 'zstd', tar: of });

/** What Debian's zstd makes of it; its absence makes the case fail, not pass. */
const zstdTool = (data: Buffer): Buffer => execFileSync('zstd', ['-q', '-c', '-19'], { input: data });

const gz: Buffer = gzipSync(archive);
const half = archive.subarray(0, 700);
const rest = archive.subarray(700);

export const blobCases: readonly UnpackCase[] = [
  accepts('gzip', gzipped(archive)),
  accepts('gzip-two-members', gzipped(archive, Buffer.concat([gzipSync(half), gzipSync(rest)]))),
  accepts('gzip-empty-members', gzipped(archive, Buffer.concat([gzipSync(''), gzipSync(archive), gzipSync('')]))),
  accepts('gzip-stored', gzipped(archive, gzipSync(archive, { level: 0 }))),
  accepts('zero-byte-layer', gzipped(Buffer.alloc(0)), {}),
  rejects('gzip-no-bytes', 'ERR_PODRUN_LAYER_TRUNCATED', gzipped(archive, Buffer.alloc(0))),
  rejects('gzip-truncated', 'ERR_PODRUN_LAYER_TRUNCATED', gzipped(archive, gz.subarray(0, -20))),
  rejects('gzip-truncated-trailer', 'ERR_PODRUN_LAYER_TRUNCATED', gzipped(archive, gz.subarray(0, -1))),
  rejects('gzip-truncated-header', 'ERR_PODRUN_LAYER_TRUNCATED', gzipped(archive, gz.subarray(0, 5))),
  rejects('gzip-bad-crc', 'ERR_PODRUN_LAYER_MALFORMED', gzipped(archive, flipped(gz, -8))),
  rejects('gzip-bad-length', 'ERR_PODRUN_LAYER_MALFORMED', gzipped(archive, flipped(gz, -1))),
  rejects(
    'gzip-trailing-junk',
    'ERR_PODRUN_LAYER_MALFORMED',
    gzipped(archive, Buffer.concat([gz, Buffer.from('junk and more')])),
  ),
  rejects(
    'gzip-trailing-zeros',
    'ERR_PODRUN_LAYER_MALFORMED',
    gzipped(archive, Buffer.concat([gz, Buffer.alloc(512)])),
  ),
  rejects(
    'gzip-trailing-magic',
    'ERR_PODRUN_LAYER_TRUNCATED',
    gzipped(archive, Buffer.concat([gz, Buffer.from([0x1f, 0x8b])])),
  ),
  accepts('plain-tar', plain(archive)),
  rejects('plain-tar-called-gzip', 'ERR_PODRUN_LAYER_MALFORMED', { ...plain(archive), compression: 'gzip' }),
  rejects('gzip-called-plain', 'ERR_PODRUN_LAYER_MALFORMED', { ...gzipped(archive), compression: 'none' }),
  rejects('gzip-called-zstd', 'ERR_PODRUN_LAYER_MALFORMED', zstd(gz)),
  { name: 'zstd', layers: () => [zstd(zstdTool(archive))], expect: () => content },
  accepts(
    'zstd-skippable-frames',
    zstd(Buffer.concat([zstdSkippable, zstdStored(half), zstdStored(rest), zstdSkippable])),
  ),
  rejects('zstd-truncated', 'ERR_PODRUN_LAYER_TRUNCATED', zstd(zstdStored(archive).subarray(0, -20))),
  rejects(
    'zstd-trailing-junk',
    'ERR_PODRUN_LAYER_MALFORMED',
    zstd(Buffer.concat([zstdStored(archive), Buffer.from('junk')])),
  ),
  {
    name: 'gzip-bomb-200M',
    layers: () => {
      const zeros = Buffer.alloc(200 << 20);
      return [gzipped(Buffer.concat([header({ name: 'zeros', size: zeros.length }), zeros, endBlocks]))];
    },
    expect: () => ({ zeros: { type: 'file', size: 200 << 20 } }),
  },
  {
    name: 'many-entries',
    layers: () => [gzipped(tar(...Array.from({ length: 20_000 }, (_, i) => file(`f${i}`))))],
    expect: () => Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`f${i}`, ''])),
  },
];
