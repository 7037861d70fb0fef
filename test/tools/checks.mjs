/**
 * The ring without a test in it: formatting, lint and types of everything, each counted as one test.
 * Usage: node test/tools/checks.mjs [--results FILE]
 */
import { spawnSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { finish } from './results.mjs';
import { project } from './ts-hooks.mjs';

const { values } = parseArgs({ options: { results: { type: 'string' } } });

async function nativeFiles() {
  const entries = await readdir(join(project, 'native'), { recursive: true });
  return entries.filter((name) => /\.(cc|h)$/.test(name)).map((name) => join('native', name));
}

const bin = (name) => join('node_modules', '.bin', name);
const checks = [
  { name: 'biome finds nothing', command: [bin('biome'), 'check', '--diagnostic-level=warn', '.'] },
  { name: 'types are right', command: [bin('tsc'), '-p', 'test/tsconfig.json'] },
  {
    name: 'clang-format changes nothing',
    command: ['clang-format', '--style=file', '--dry-run', '-Werror', ...(await nativeFiles())],
  },
];

const tests = checks.map(({ name, command }) => {
  const [program, ...args] = command;
  const run = spawnSync(program, args, { cwd: project, encoding: 'utf8' });
  const ok = run.status === 0;
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name}`);
  if (!ok) console.log(run.error?.message ?? `${run.stdout}${run.stderr}`);
  return { file: 'checks', name, result: ok ? 'passed' : 'failed' };
});
await finish('checks', tests, values.results);
