import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { compiled, esbuildOptions, project } from './ts-hooks.mjs';

async function typescriptFiles(folder) {
  const entries = await readdir(join(project, folder), { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Puts what esbuild makes of every TypeScript file into .tap/js, where ts-hooks.mjs looks for it: some 50 ms for all. */
export async function compileAll() {
  const files = (await Promise.all(['src', 'test', 'bench'].map(typescriptFiles))).flat();
  await mkdir(compiled, { recursive: true });
  await build({
    ...esbuildOptions,
    absWorkingDir: project,
    entryPoints: files,
    outdir: compiled,
    outbase: project,
    bundle: false,
    logLevel: 'error',
  });
}
