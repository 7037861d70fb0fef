/**
 * Writes tar archives byte by byte, wrong ones included: what a library would refuse to write is what an unpacker
 * must be tested with.
 */
export type Bytes = string | Buffer;

export interface Member {
  readonly name: Bytes;
  /** '0' file, '1' hard link, '2' symbolic link, '3' '4' devices, '5' directory, '6' FIFO. */
  readonly type?: string;
  readonly data?: Bytes;
  readonly link?: Bytes;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly major?: number;
  readonly minor?: number;
  readonly userName?: string;
  readonly prefix?: string;
  readonly format?: 'ustar' | 'gnu' | 'v7';
  /** Says another size than the data has. */
  readonly size?: number | bigint;
  readonly badChecksum?: boolean;
}

type More = Omit<Member, 'name' | 'type'>;

export const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const bytes = (value: Bytes): Buffer => (typeof value === 'string' ? Buffer.from(value) : value);

/** Octal where it fits, else GNU's base-256 (two's complement, first bit set). */
function writeNumber(block: Buffer, at: number, length: number, value: number | bigint): void {
  const number = BigInt(value);
  if (number >= 0n && number < 8n ** BigInt(length - 1)) {
    block.write(number.toString(8).padStart(length - 1, '0'), at, 'latin1');
    return;
  }
  let left = number;
  for (let i = at + length - 1; i >= at; i -= 1, left >>= 8n) block[i] = Number(left & 0xffn);
  block[at] = (block[at] ?? 0) | 0x80;
}

function writeBytes(block: Buffer, at: number, length: number, value: Bytes): void {
  if (bytes(value).length > length) throw new RangeError(`${value} is longer than its field`);
  bytes(value).copy(block, at);
}

function writeMagic(block: Buffer, member: Member): void {
  const format = member.format ?? 'ustar';
  if (format === 'v7') return;
  block.write(format === 'gnu' ? 'ustar  \0' : 'ustar\x0000', 257, 'latin1');
  writeNumber(block, 329, 8, member.major ?? 0);
  writeNumber(block, 337, 8, member.minor ?? 0);
  block.write(member.userName ?? '', 265, 'latin1');
  block.write(member.userName ?? '', 297, 'latin1');
  block.write(member.prefix ?? '', 345, 'latin1');
}

/** Sums up the block, which is then complete. */
export function seal(block: Buffer, wrongBy = 0): Buffer {
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, wrongBy);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

export function header(member: Member): Buffer {
  const block = Buffer.alloc(512);
  const data = bytes(member.data ?? '');
  writeBytes(block, 0, 100, member.name);
  writeNumber(block, 100, 8, member.mode ?? (member.type === '5' ? 0o755 : 0o644));
  writeNumber(block, 108, 8, member.uid ?? process.getuid?.() ?? 0);
  writeNumber(block, 116, 8, member.gid ?? process.getgid?.() ?? 0);
  writeNumber(block, 124, 12, member.size ?? data.length);
  writeNumber(block, 136, 12, member.mtime ?? 1_700_000_000);
  block.write(member.type ?? '0', 156, 'latin1');
  writeBytes(block, 157, 100, member.link ?? '');
  writeMagic(block, member);
  return seal(block, member.badChecksum ? 1 : 0);
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc(-data.length & 511)]);
}

export function member(of: Member): Buffer {
  return Buffer.concat([header(of), padded(bytes(of.data ?? ''))]);
}

export const file = (name: Bytes, data: Bytes = '', more: More = {}): Buffer => member({ ...more, name, data });
export const dir = (name: Bytes, more: More = {}): Buffer => member({ ...more, name, type: '5' });
export const symlink = (name: Bytes, link: Bytes, more: More = {}): Buffer =>
  member({ mode: 0o777, ...more, name, link, type: '2' });
export const hardLink = (name: Bytes, link: Bytes, more: More = {}): Buffer =>
  member({ ...more, name, link, type: '1' });
export const whiteout = (path: string): Buffer => file(path.replace(/([^/]*)$/, '.wh.$1'));
export const opaque = (path: string): Buffer => file(`${path === '' ? '' : `${path}/`}.wh..wh..opq`);

/** One record; its length counts itself. */
export function paxRecord(key: string, value: Bytes): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), bytes(value), Buffer.from('\n')]);
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** An extended header: it belongs to the member after it (or, of type 'g', to all). */
export function pax(records: Readonly<Record<string, Bytes>>, type = 'x'): Buffer {
  const data = Buffer.concat(Object.entries(records).map(([key, value]) => paxRecord(key, value)));
  return member({ name: 'PaxHeaders/x', type, data });
}

/** GNU tar's way with names past 100 bytes: 'L' for the name, 'K' for the link's target. */
export const gnuLong = (type: 'L' | 'K', text: string): Buffer =>
  member({ name: '././@LongLink', type, data: `${text}\0`, format: 'gnu' });

export const endBlocks = Buffer.alloc(1024);

/** An archive of these members, with the two blocks of zeros at its end. */
export const tar = (...members: readonly Buffer[]): Buffer => Buffer.concat([...members, endBlocks]);
