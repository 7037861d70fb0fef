import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const project = fileURLToPath(new URL('..', import.meta.url));

/** Each part of src/ imports only from itself and from those before it; index.ts is the public door. */
const order = [
  ...['errors', 'paths', 'clock', 'log', 'native'],
  ...['manifest', 'images', 'plan', 'runtime', 'volumes', 'state', 'pod', 'workloads', 'podrun', 'index', 'cli'],
];
/** Data in, data out. */
const pure = ['manifest', 'plan'];
const machine = /^(node:(fs|fs\/promises|net|http|https|child_process|worker_threads|dns|os)|undici|tar)$/;

const maxLines = 350;
const maxFiles = 12;

function filesBelow(folder: string, extensions: RegExp): readonly string[] {
  return readdirSync(join(project, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => extensions.test(path))
    .map((path) => join(folder, path))
    .sort();
}

/** Everything a module names in `import`, `export … from` and `import()`, types too. */
function importsOf(file: string): readonly string[] {
  const text = readFileSync(join(project, file), 'utf8');
  const found = text.matchAll(
    /(?:^|\s)(?:import|export)\s[^'";]*?from\s+'([^']+)'|import\s*\(\s*'([^']+)'|^import\s+'([^']+)'/gm,
  );
  return Array.from(found, (match) => (match[1] ?? match[2] ?? match[3]) as string);
}

/** `src/plan/mounts.ts` is of the part "plan", `src/errors.ts` of "errors". */
function partOf(file: string): string {
  return (file.split(sep)[1] as string).replace(/\.ts$/, '');
}

/** Project path of a relative import, or undefined for a package or what lies outside src/. */
function target(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const path = relative(project, join(project, dirname(file), specifier));
  return path.startsWith(`src${sep}`) ? path.replace(/\.js$/, '.ts') : undefined;
}

const sources = filesBelow('src', /\.ts$/);
const edges = sources.flatMap((file) =>
  importsOf(file).map((specifier) => ({ file, specifier, to: target(file, specifier) })),
);

t.test('imports are found, in all their forms', async (t) => {
  t.ok(edges.some(({ file, to }) => file === 'src/plan/container.ts' && to === 'src/errors.ts'));
  t.ok(
    edges.some(({ file, to }) => file === 'src/plan/plan.ts' && to === 'src/manifest/pod.ts'),
    'import type',
  );
  t.ok(edges.length > sources.length, 'about as many as there should be');
});

t.test('every part of src/ has its place in the order', async (t) => {
  t.strictSame(new Set(sources.map(partOf).filter((part) => !order.includes(part))), new Set());
});

t.test('no part of src/ imports from one behind it', async (t) => {
  const back = edges.filter(
    ({ file, to }) => to !== undefined && order.indexOf(partOf(to)) > order.indexOf(partOf(file)),
  );
  t.strictSame(
    back.map(({ file, specifier }) => `${file} imports ${specifier}`),
    [],
  );
});

t.test('what is pure has no way to the machine', async (t) => {
  const impure = edges.filter(
    ({ file, specifier, to }) =>
      pure.includes(partOf(file)) &&
      (machine.test(specifier) || (to !== undefined && ['native', 'clock'].includes(partOf(to)))),
  );
  t.strictSame(
    impure.map(({ file, specifier }) => `${file} imports ${specifier}`),
    [],
  );
});

t.test('the command line stands on the public API alone', async (t) => {
  // Pure helpers and types may come from anywhere below; what acts on the machine comes from podrun/.
  const acting = ['runtime', 'state', 'pod', 'volumes', 'workloads'];
  const text = (file: string) => readFileSync(join(project, file), 'utf8');
  const around = edges.filter(({ file, specifier, to }) => {
    if (partOf(file) !== 'cli' || to === undefined || !acting.includes(partOf(to))) return false;
    return !new RegExp(`import type [^;]*from '${specifier.replaceAll('.', '\\.')}'`).test(text(file));
  });
  t.strictSame(
    around.map(({ file, specifier }) => `${file} imports ${specifier}`),
    [],
  );
});

t.test(`no source file is longer than ${maxLines} lines`, async (t) => {
  const all = [...sources, ...filesBelow('native', /\.(cc|h|ts)$/)];
  const long = all.filter((file) => readFileSync(join(project, file), 'utf8').split('\n').length - 1 > maxLines);
  t.strictSame(long, []);
});

t.test(`no folder of sources holds more than ${maxFiles} files`, async (t) => {
  const counts = new Map<string, number>();
  // A header and its implementation are one file to a reader.
  const units = new Set(
    [...sources, ...filesBelow('native', /\.(cc|h)$/)].map((file) => file.replace(/\.(ts|cc|h)$/, '')),
  );
  for (const unit of units) counts.set(dirname(unit), (counts.get(dirname(unit)) ?? 0) + 1);
  t.strictSame(
    [...counts].filter(([, count]) => count > maxFiles),
    [],
  );
});
