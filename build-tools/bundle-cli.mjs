/**
 * Bundles the command line, because loading some hundred small modules and compiling them would take longer than a Pod needs to
 * start (docs/decisions/0010-bundled-command-line.md has the measurements). Into dist/, beside the modules of the library:
 *
 *   podrun.cjs                      loads the next one
 *   podrun-<hash>.cjs               all of the command line, each module and package in it evaluated when first needed
 *   podrun-<hash>-<version>.cache   what V8 made of it, for this very version of Node.js; others do without
 *   podrun-undici.cjs               the HTTP client, which is large and only pulls need
 *   podrun-tar.cjs                  reads and writes archives of images, for load and save
 *
 * Usage: node build-tools/bundle-cli.mjs [output directory, default dist]
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { codeCache } from './code-cache.mjs';

const project = fileURLToPath(new URL('..', import.meta.url));
const outdir = process.argv[2] ?? join(project, 'dist');

const common = {
  absWorkingDir: project,
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20.18',
  // import() of the file beside it becomes require(): code from the cache has no loader of ES modules.
  supported: { 'dynamic-import': false },
  // Whitespace and syntax only: names stay, so that the stack trace in a bug report can be read.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
  write: false,
};

/** The manifest stage loads yaml synchronously and late; said in this way, the bundler sees it. */
const yamlInside = {
  name: 'yaml inside',
  setup(builder) {
    builder.onLoad({ filter: /src\/manifest\/text\/yaml\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source.replace("createRequire(import.meta.url)('yaml')", "require('yaml')");
      if (contents === source) return { errors: [{ text: `${path} does not load yaml as it used to` }] };
      return { contents, loader: 'ts' };
    });
  },
};

const undiciOutside = {
  name: 'undici outside',
  setup(builder) {
    builder.onResolve({ filter: /^undici$/ }, () => ({ path: './podrun-undici.cjs', external: true }));
    builder.onResolve({ filter: /^tar$/ }, () => ({ path: './podrun-tar.cjs', external: true }));
  },
};

/**
 * Modules of Node.js that take long to load (node:crypto 1.5 ms) are loaded when something of them is called, not by the import.
 * Not for modules whose classes are extended or asked for by instanceof.
 */
const late = {
  name: 'late',
  setup(builder) {
    const require = createRequire(import.meta.url);
    const modules = /^node:(crypto|dns|fs\/promises|child_process|zlib|stream\/consumers|stream\/promises|net)$/;
    builder.onResolve({ filter: modules }, ({ path, namespace }) =>
      namespace === 'late' ? undefined : { path, namespace: 'late' },
    );
    builder.onLoad({ filter: /^/, namespace: 'late' }, ({ path }) => ({ contents: lateModule(path, require(path)) }));
  },
};

/** An ES module, of which the bundler takes what is used. */
function lateModule(path, exports) {
  const lines = Object.keys(exports).map((key) =>
    typeof exports[key] === 'function'
      ? `export function ${key}(...args) { return new.target ? Reflect.construct(it().${key}, args) : it().${key}(...args); }`
      : `export const ${key} = /* @__PURE__ */ (() => it().${key})();`,
  );
  return `const it = () => require(${JSON.stringify(path)});\n${lines.join('\n')}`;
}

async function bundle(options) {
  const { outputFiles } = await build({ ...common, ...options });
  return outputFiles[0].text;
}

const [cli, undici, tar, loader] = await Promise.all([
  bundle({
    entryPoints: ['src/cli/main.ts'],
    plugins: [yamlInside, undiciOutside, late],
    define: { 'import.meta.url': '__moduleUrl' },
    banner: { js: "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
  }),
  bundle({ stdin: { contents: "export { Agent, EnvHttpProxyAgent, request } from 'undici';", resolveDir: project } }),
  bundle({ stdin: { contents: "export { create, Parser } from 'tar';", resolveDir: project } }),
  readFile(new URL('./load-cli.cjs', import.meta.url), 'utf8'),
]);

await mkdir(outdir, { recursive: true });
for (const name of await readdir(outdir)) {
  if (/^podrun(-.*)?\.(cjs|cache)$/.test(name)) await rm(join(outdir, name));
}
// V8 takes a cache for valid when the source has the same length: the name makes sure that it belongs to this very text.
const name = `podrun-${createHash('sha256').update(cli).digest('hex').slice(0, 16)}`;
await writeFile(join(outdir, `${name}.cjs`), cli);
await writeFile(join(outdir, 'podrun-undici.cjs'), undici);
await writeFile(join(outdir, 'podrun-tar.cjs'), tar);
await writeFile(join(outdir, 'podrun.cjs'), loader.replace("'BUNDLE'", `'${name}'`));
await writeFile(
  join(outdir, `${name}-${process.version}-${process.arch}.cache`),
  await codeCache(join(outdir, `${name}.cjs`), cli),
);
