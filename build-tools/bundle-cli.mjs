/**
 * Bundles the command line into a few files: dist/podrun.js and the chunks it loads when it needs them. Loading some
 * hundred small modules would take longer than a Pod needs to start (docs/decisions/0010-bundled-command-line.md).
 *
 * They lie directly in dist/, beside the modules of the library, because src/paths.ts finds the package from there.
 * Usage: node build-tools/bundle-cli.mjs [output directory, default dist]
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const project = fileURLToPath(new URL('..', import.meta.url));
const outdir = process.argv[2] ?? join(project, 'dist');

// Their names carry a hash, so those of earlier builds would stay for ever.
for (const name of await readdir(outdir).catch(() => [])) {
  if (/^chunk-[A-Za-z0-9_-]+\.js$/.test(name)) await rm(join(outdir, name));
}

await build({
  absWorkingDir: project,
  entryPoints: { podrun: 'src/cli/main.ts' },
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.18',
  entryNames: '[name]',
  chunkNames: 'chunk-[name]-[hash]',
  // Whitespace and syntax only: names stay, so that a stack trace of a bug report can be read.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  // CommonJS dependencies call require() for Node's own modules, which an ES module has not.
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  logLevel: 'warning',
});
