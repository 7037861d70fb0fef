/**
 * Runs one ring of tests: every test file in a process of its own, so many at a time.
 * Usage: node test/tools/ring.mjs unit|root [FILE...] [--results FILE] [--timeout SECONDS] [--no-compile]
 * The results go to FILE as JSON, for all.mjs to add up. Exit status 0 when nothing failed.
 */
import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { countResults, finish, summaryLine } from './results.mjs';
import { runFile } from './run-file.mjs';
import { project } from './ts-hooks.mjs';

/** Root tests count what is left on the machine, so there is one at a time. */
const rings = {
  unit: { belongs: (file) => !/^test\/(root|vm|e2e)\//.test(file), jobs: availableParallelism() },
  root: { belongs: (file) => /^test\/(root|e2e)\//.test(file), jobs: 1 },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    results: { type: 'string' },
    timeout: { type: 'string', default: '120' },
    'no-compile': { type: 'boolean' },
  },
});
const [name, ...asked] = positionals;
const ring = rings[name];
if (!ring) {
  console.error(`which ring? ${Object.keys(rings).join(' or ')}`);
  process.exit(2);
}

async function testFiles() {
  if (asked.length > 0) return asked.map((file) => relative(project, resolve(file)));
  const entries = await readdir(join(project, 'test'), { recursive: true });
  return entries
    .filter((entry) => entry.endsWith('.test.ts'))
    .map((entry) => join('test', entry))
    .filter(ring.belongs)
    .sort();
}

function report({ file, tests, seconds, output }) {
  const counts = countResults(tests);
  console.log(`${counts.failed > 0 ? 'FAILED' : 'ok    '} ${file}: ${summaryLine(counts)} (${seconds.toFixed(1)} s)`);
  for (const test of tests) if (test.result === 'failed') console.log(`       failed: ${test.name}`);
  if (output) console.log(output.replace(/^/gm, '       '));
}

async function runAll(files) {
  const waiting = [...files];
  const results = [];
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const result = await runFile(file, { timeoutMs: Number(values.timeout) * 1000 });
      report(result);
      results.push(...result.tests.map((test) => ({ ...test, file })));
    }
  };
  await Promise.all(Array.from({ length: ring.jobs }, work));
  return results;
}

if (!values['no-compile']) await (await import('./compile.mjs')).compileAll();
const files = await testFiles();
const tests = await runAll(files);
await finish(name, tests, values.results);
