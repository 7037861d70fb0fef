import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errnoCode, PodrunError } from '../../errors.js';
import { isDigest } from '../format/digest.js';
import { parseReference } from '../format/reference.js';
import type { ImageRecord, Store } from '../store/store.js';

export interface StoredRecord {
  readonly record: ImageRecord;
  readonly file: string;
  readonly pulledAt: Date;
}

function read(file: string): StoredRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(file, 'utf8')) as Partial<ImageRecord>;
    const usable =
      record?.version === 1 &&
      typeof record.reference === 'string' &&
      [record.digest, record.manifestDigest, record.configDigest].every(isDigest) &&
      record.chainIds?.every(isDigest) === true;
    return usable ? { record: record as ImageRecord, file, pulledAt: statSync(file).mtime } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || errnoCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** All references of the store, in their order; unreadable records count as none. */
export function readRecords({ root }: Store): StoredRecord[] {
  let names: string[];
  try {
    names = readdirSync(join(root, 'images'));
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return [];
    throw error;
  }
  const found = names.map((name) => read(join(root, 'images', name))).filter((one) => one !== undefined);
  return found.sort((a, b) => (a.record.reference < b.record.reference ? -1 : 1));
}

const idPattern = /^(?:sha256:)?([0-9a-f]{6,64})$/;

/**
 * By reference, or by ID or the beginning of one.
 * @throws ERR_PODRUN_IMAGE_NOT_FOUND, ERR_PODRUN_IMAGE_NAME
 */
export function findRecord(store: Store, name: string): StoredRecord {
  const records = readRecords(store);
  const id = idPattern.exec(name)?.[1];
  if (id !== undefined) {
    const byId = records.filter(({ record }) => record.configDigest.startsWith(`sha256:${id}`));
    if (new Set(byId.map(({ record }) => record.configDigest)).size > 1)
      throw new PodrunError('ERR_PODRUN_IMAGE_NAME', `several images have an ID that begins with ${id}`);
    if (byId[0]) return byId[0];
  }
  const text = id?.length === 64 ? name : parseReference(name).text;
  const found = records.find(({ record }) => record.reference === text);
  if (found) return found;
  throw new PodrunError('ERR_PODRUN_IMAGE_NOT_FOUND', `image ${text} is not in the store`, {
    image: text,
    hint: '`podrun images` lists what is',
  });
}

export function removeRecord({ file }: StoredRecord): void {
  rmSync(file, { force: true });
}
