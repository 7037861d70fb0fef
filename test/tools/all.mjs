/**
 * Runs the rings one after the other, whatever becomes of each, and adds them up; the last line says how many tests passed,
 * failed and were skipped. Exit status 0 when every ring has run and nothing failed.
 * Usage: node test/tools/all.mjs [RING...]
 */
import { spawnSync } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { countResults, summaryLine } from './results.mjs';
import { project } from './ts-hooks.mjs';

const rings = {
  checks: ['test/tools/checks.mjs'],
  unit: ['test/tools/ring.mjs', 'unit'],
  root: ['test/tools/ring.mjs', 'root'],
  vm: ['test/vm/ring.mjs'],
};

async function runRing(ring, command) {
  console.log(`\n== ${ring}`);
  const results = join(project, '.tap', 'results', `${ring}.json`);
  await rm(results, { force: true });
  const run = spawnSync(process.execPath, [...command, '--results', results], {
    cwd: project,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const failure = (name) => [{ file: ring, name, result: 'failed' }];
  let tests;
  try {
    ({ tests } = JSON.parse(await readFile(results, 'utf8')));
  } catch (error) {
    if (error.code !== 'ENOENT' && !(error instanceof SyntaxError)) throw error;
    return failure(`the ring "${ring}" did not run`);
  }
  if (tests.length === 0) return failure(`the ring "${ring}" has no tests`);
  const failed = tests.some((test) => test.result === 'failed');
  return run.status === 0 || failed
    ? tests
    : [...tests, ...failure(`the ring "${ring}" ended with status ${run.status}`)];
}

const asked = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(rings);
const tests = [];
for (const ring of asked) {
  const command = rings[ring];
  if (!command) throw new Error(`no ring "${ring}": ${Object.keys(rings).join(', ')}`);
  for (const test of await runRing(ring, command)) tests.push({ ...test, ring });
}
console.log('');
for (const { ring, file, name, result, reason } of tests) {
  if (result === 'skipped') console.log(`skipped: ${ring}: ${file}: ${name}: ${reason}`);
  if (result === 'failed') console.log(`failed: ${ring}: ${file}: ${name}`);
}
const counts = countResults(tests);
console.log(summaryLine(counts));
process.exitCode = counts.failed > 0 ? 1 : 0;
