/**
 * A loopback registry that has the stand-ins of test/fixtures/images.ts, and the mirror table that leads to them, so that manifests
 * run unmodified. Images are built and pushed once and kept in test/.cache. By hand:
 * `node --import ./test/tools/ts.mjs test/helpers/seed-registry.ts [REFERENCE...]` serves until Ctrl-C.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fixtureOf, imageFixtures } from '../fixtures/images.js';
import { buildImageOnce, type Recipe } from './image-builder.js';
import { cacheDirectory } from './packages.js';
import { pushToRegistry } from './push.js';
import { startRegistry, type TestRegistry } from './registry.js';

export interface SeededRegistry extends TestRegistry {
  /** For `registryMirrors`: { "docker.io": ["http://127.0.0.1:41234/docker.io"], ... } */
  readonly mirrors: Readonly<Record<string, readonly string[]>>;
  /** The same as arguments of the command line: ["--registry-mirror", "docker.io=http://..."] */
  readonly mirrorArguments: readonly string[];
}

/** What decides how all images look; the rest is in their recipes. */
const builders = ['../fixtures/trees.ts', 'image-builder.ts', 'packages.ts'].map((file) =>
  readFileSync(fileURLToPath(new URL(file, import.meta.url)), 'utf8'),
);

/** A recipe as text, functions and all. */
function textOf(recipe: Recipe): string {
  return JSON.stringify(recipe, (_, value) => (typeof value === 'function' ? String(value) : value));
}

function fingerprint(...texts: readonly string[]): string {
  return createHash('sha256')
    .update(JSON.stringify([process.arch, builders, texts]))
    .digest('hex')
    .slice(0, 16);
}

export const allReferences: readonly string[] = imageFixtures.flatMap(({ references }) => references);

/** An OCI layout with the image under its tag, built when it is not there yet. */
export async function layoutOf(reference: string): Promise<{ directory: string; tag: string }> {
  const { recipe } = fixtureOf(reference);
  const directory = join(cacheDirectory, 'layouts', fingerprint(textOf(recipe)));
  await buildImageOnce(recipe, directory, ['it']);
  return { directory, tag: 'it' };
}

/** Storage of a docker-registry that has the images, complete or not there at all. */
async function ensureStorage(references: readonly string[]): Promise<string> {
  const recipes = [...references].sort().map((reference) => `${reference} ${textOf(fixtureOf(reference).recipe)}`);
  const storage = join(cacheDirectory, 'registries', fingerprint(...recipes));
  if (existsSync(storage)) return storage;
  mkdirSync(join(cacheDirectory, 'registries'), { recursive: true });
  const temporary = mkdtempSync(`${storage}.`);
  const registry = await startRegistry({ storage: temporary });
  try {
    for (const reference of references) {
      const { directory, tag } = await layoutOf(reference);
      await pushToRegistry(directory, tag, registry, reference);
    }
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw error;
  } finally {
    await registry.stop();
  }
  try {
    renameSync(temporary, storage);
  } catch {
    rmSync(temporary, { recursive: true, force: true }); // another process was faster
  }
  return storage;
}

/** @param references  which images are needed; all of them when absent */
export async function ensureSeededRegistry(references: readonly string[] = allReferences): Promise<SeededRegistry> {
  const registry = await startRegistry({ storage: await ensureStorage(references) });
  const hosts = [...new Set(references.map((reference) => reference.slice(0, reference.indexOf('/'))))];
  const mirrors = Object.fromEntries(hosts.map((host) => [host, [`${registry.url}/${host}`]]));
  const mirrorArguments = hosts.flatMap((host) => ['--registry-mirror', `${host}=${registry.url}/${host}`]);
  return { ...registry, mirrors, mirrorArguments };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const asked = process.argv.slice(2);
  const registry = await ensureSeededRegistry(asked.length > 0 ? asked : undefined);
  console.log(registry.mirrorArguments.join(' '));
  process.once('SIGINT', () => void registry.stop());
  process.once('SIGTERM', () => void registry.stop());
}
