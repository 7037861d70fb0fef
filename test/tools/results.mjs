import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** @typedef {import('./tap-results.mjs').Test & { file: string }} Result */

/** @param {readonly { result: 'passed' | 'failed' | 'skipped' }[]} tests */
export function countResults(tests) {
  /** @param {string} result */
  const count = (result) => tests.filter((test) => test.result === result).length;
  return { passed: count('passed'), failed: count('failed'), skipped: count('skipped') };
}

/**
 * "12 passed, 0 failed", and ", 3 skipped" when there are any.
 * @param {{ passed: number, failed: number, skipped: number }} counts
 */
export function summaryLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/**
 * Ends a ring: its line, its results as JSON for all.mjs to add up, its exit status. A ring without a test has not run.
 * @param {string} ring
 * @param {readonly Result[]} tests
 * @param {string | undefined} file
 */
export async function finish(ring, tests, file) {
  if (file) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, JSON.stringify({ ring, tests }));
  }
  const counts = countResults(tests);
  console.log(`${ring}: ${summaryLine(counts)} (${Math.round(performance.now() / 1000)} s)`);
  process.exitCode = counts.failed > 0 || tests.length === 0 ? 1 : 0;
}
