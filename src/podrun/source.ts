import { isUtf8 } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { errnoCode, PodrunError } from '../errors.js';
import type { ManifestFile } from '../manifest/pod.js';
import { readManifest } from '../manifest/read.js';
import type { PodSource } from './api.js';

/** Larger manifests are refused: the API server's own limit for a request is 3 MiB. */
const maxBytes = 3 * 1024 * 1024;

/** @throws ERR_PODRUN_MANIFEST_UNREADABLE, ERR_PODRUN_MANIFEST_SYNTAX, ERR_PODRUN_MANIFEST_INVALID */
export function readSource(source: PodSource): ManifestFile {
  if (typeof source === 'string') return readManifest({ text: source, name: 'manifest' });
  if (source instanceof URL) return readFile(fileURLToPath(source));
  if ('file' in source && typeof source.file === 'string') return readFile(source.file);
  if ('text' in source && typeof source.text === 'string') {
    const name = 'name' in source && typeof source.name === 'string' ? source.name : 'manifest';
    return readManifest({ text: source.text, name });
  }
  return readManifest({ object: source });
}

function readFile(path: string): ManifestFile {
  let data: Buffer;
  try {
    data = readBounded(path);
  } catch (cause) {
    const reasons: Record<string, string> = {
      ENOENT: 'no such file',
      EACCES: 'permission denied',
      EISDIR: 'is a directory',
    };
    const code = errnoCode(cause) ?? '';
    throw unreadable(path, `cannot read ${path}: ${reasons[code] ?? code}`, cause);
  }
  if (data.length > maxBytes) throw unreadable(path, `${path} has more than 3 MiB`);
  if (!isUtf8(data)) throw unreadable(path, `${path} is not text in UTF-8`);
  return readManifest({ text: data.toString('utf8'), name: path });
}

function unreadable(path: string, message: string, cause?: unknown): PodrunError {
  return new PodrunError('ERR_PODRUN_MANIFEST_UNREADABLE', message, { cause, path });
}

/** No more than is taken anyway and one byte: the file may be a device or a pipe without an end. */
function readBounded(path: string): Buffer {
  const fd = openSync(path, 'r');
  try {
    const parts: Buffer[] = [];
    for (let left = maxBytes + 1; left > 0; ) {
      const part = Buffer.allocUnsafe(Math.min(left, 64 * 1024));
      const bytes = readSync(fd, part);
      if (bytes === 0) break;
      parts.push(part.subarray(0, bytes));
      left -= bytes;
    }
    return Buffer.concat(parts);
  } finally {
    closeSync(fd);
  }
}
