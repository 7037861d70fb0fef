import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { tapResults } from './tap-results.mjs';
import { project } from './ts-hooks.mjs';

const loader = new URL('./ts.mjs', import.meta.url).href;

/** What is worth showing of a run that went wrong: all but the lines of tests that passed. */
function failureText(output) {
  return output
    .split('\n')
    .filter((line) => !/^\s*(ok \d+|# Subtest|1\.\.\d+|# time|TAP version)/.test(line) && line.trim() !== '')
    .join('\n');
}

/**
 * Runs one test file in a process of its own.
 * @param {string} file  relative to the project
 * @returns {Promise<{ file: string, tests: import('./tap-results.mjs').Test[], seconds: number, output: string }>}
 */
export async function runFile(file, { timeoutMs }) {
  const started = performance.now();
  const child = spawn(process.execPath, [join(project, file)], {
    cwd: project,
    // A group of its own: on a timeout, the programs that the test started end with it.
    detached: true,
    env: {
      ...process.env,
      NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import=${loader} --enable-source-maps`.trim(),
      TAP: '1',
      // tap's own limit is 30 s a file; ours ends it the harder way.
      TAP_TIMEOUT: String(timeoutMs / 1000),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let timedOut = false;
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  const timer = setTimeout(() => {
    timedOut = true;
    process.kill(-child.pid, 'SIGKILL');
  }, timeoutMs);
  const ended = new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  const [{ code, signal }, { tests, ok }] = await Promise.all([ended, tapResults(child.stdout)]);
  clearTimeout(timer);
  const failed = tests.some((test) => test.result === 'failed');
  const why = timedOut
    ? `timed out after ${timeoutMs / 1000} s`
    : signal
      ? `ended by ${signal}`
      : code !== 0
        ? `ended with status ${code}`
        : !ok
          ? 'its TAP output is not in order'
          : undefined;
  if (why && !failed) tests.push({ name: why, result: 'failed' });
  if (tests.length === 0) tests.push({ name: 'has no tests', result: 'failed' });
  return {
    file,
    tests,
    seconds: (performance.now() - started) / 1000,
    output: why || failed ? failureText(output) : '',
  };
}
