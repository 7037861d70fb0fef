import { readFileSync } from 'node:fs';
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
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const reasons: Record<string, string> = {
      ENOENT: 'no such file',
      EACCES: 'permission denied',
      EISDIR: 'is a directory',
    };
    const code = errnoCode(cause) ?? '';
    throw new PodrunError('ERR_PODRUN_MANIFEST_UNREADABLE', `cannot read ${path}: ${reasons[code] ?? code}`, {
      cause,
      path,
    });
  }
  if (text.length > maxBytes) {
    throw new PodrunError('ERR_PODRUN_MANIFEST_UNREADABLE', `${path} has more than 3 MiB`, { path });
  }
  return readManifest({ text, name: path });
}
