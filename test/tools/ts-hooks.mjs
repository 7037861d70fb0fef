import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const project = fileURLToPath(new URL('../..', import.meta.url));
export const compiled = join(project, '.tap', 'js');

/** Options of esbuild for one file: what tsconfig.json says, as far as it matters at run time. */
export const esbuildOptions = {
  format: 'esm',
  platform: 'node',
  target: 'node20.18',
  sourcemap: 'inline',
  sourcesContent: false,
  tsconfigRaw: { compilerOptions: { target: 'ES2023', verbatimModuleSyntax: true } },
};

function isOurs(url) {
  return url?.startsWith('file:') && !url.includes('/node_modules/');
}

/** Sources import each other as "./x.js", the name that tsc gives them. */
export async function resolve(specifier, context, next) {
  if (isOurs(context.parentURL) && /^\.{1,2}\/.*\.js$/.test(specifier)) {
    const url = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    if (existsSync(url)) return { url: url.href, format: 'module', shortCircuit: true };
  }
  return next(specifier, context);
}

function newer(path, than) {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && stat.mtimeMs >= statSync(than).mtimeMs;
}

export async function load(url, context, next) {
  if (!isOurs(url) || !url.endsWith('.ts')) return next(url, context);
  const path = fileURLToPath(url);
  const cached = join(compiled, relative(project, path).replace(/\.ts$/, '.js'));
  if (newer(cached, path)) return { format: 'module', source: readFileSync(cached, 'utf8'), shortCircuit: true };
  const { transform } = await import('esbuild');
  const { code } = await transform(readFileSync(path, 'utf8'), { ...esbuildOptions, loader: 'ts', sourcefile: path });
  return { format: 'module', source: code, shortCircuit: true };
}
