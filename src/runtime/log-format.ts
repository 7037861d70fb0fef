/** One record of a CRI log: `<RFC3339Nano> stdout|stderr F|P <text>`; P means that the line goes on in the next record. */
export interface LogRecord {
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  readonly partial: boolean;
  readonly text: Buffer;
}

const newline = 0x0a;
const space = 0x20;

/** Splits whole records off the front; what is left of an unfinished one is returned for the next call. */
export function parseRecords(data: Buffer): { readonly records: LogRecord[]; readonly rest: Buffer } {
  const records: LogRecord[] = [];
  let start = 0;
  for (;;) {
    const end = data.indexOf(newline, start);
    if (end < 0) return { records, rest: Buffer.from(data.subarray(start)) };
    const record = parseRecord(data.subarray(start, end));
    if (record) records.push(record);
    start = end + 1;
  }
}

/** Undefined for a line that is not a record: half of one, after a crash of the machine. */
export function parseRecord(line: Buffer): LogRecord | undefined {
  const afterTime = line.indexOf(space);
  const afterStream = line.indexOf(space, afterTime + 1);
  const afterTag = line.indexOf(space, afterStream + 1);
  if (afterTime <= 0 || afterStream < 0 || afterTag < 0) return undefined;
  const stream = line.toString('latin1', afterTime + 1, afterStream);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  return {
    time: line.toString('latin1', 0, afterTime),
    stream,
    // Tags are separated by colons; the first says whether the line is complete.
    partial: line[afterStream + 1] === 0x50,
    text: Buffer.from(line.subarray(afterTag + 1)),
  };
}
