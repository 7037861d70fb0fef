import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './measure.mjs';

/** Unpacks an OCI layout of one image with tar(1), for those who want a plain directory. */
export async function unpackLayout(layout, into) {
  const blob = (descriptor) => join(layout, 'blobs', ...descriptor.digest.split(':'));
  const json = (file) => JSON.parse(readFileSync(file, 'utf8'));
  mkdirSync(into);
  let manifest = json(join(layout, 'index.json'));
  while (manifest.manifests) manifest = json(blob(manifest.manifests[0]));
  for (const layer of manifest.layers) await run(['tar', '-xf', blob(layer), '-C', into]);
  for (const directory of ['proc', 'sys', 'dev', 'tmp']) mkdirSync(join(into, directory), { recursive: true });
}
