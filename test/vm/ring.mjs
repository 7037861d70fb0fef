/**
 * Runs the tests of tests.mjs in a machine with cgroup v2.
 * Usage: node test/vm/ring.mjs [FILE...] [--results FILE] [--timeout SECONDS]
 */
import { parseArgs } from 'node:util';
import { compileAll } from '../tools/compile.mjs';
import { finish } from '../tools/results.mjs';
import { project } from '../tools/ts-hooks.mjs';
import { runInMachine } from './machine.mjs';
import { machineTests } from './tests.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { results: { type: 'string' }, timeout: { type: 'string', default: '600' } },
});

const quote = (word) => `'${word.replaceAll("'", "'\\''")}'`;

async function machineResults() {
  if (process.arch !== 'x64')
    return [
      {
        file: 'test/vm',
        name: 'tests on cgroup v2',
        result: 'skipped',
        reason: `the emulated machine is x64, not ${process.arch}`,
      },
    ];
  await compileAll();
  const files = positionals.length > 0 ? positionals : machineTests;
  const command = [
    process.execPath,
    'test/tools/ring.mjs',
    'root',
    '--no-compile',
    '--timeout',
    '240',
    '--results',
    '/job/results.json',
    ...files,
  ];
  const run = await runInMachine(`cd ${quote(project)} && ${command.map(quote).join(' ')}\n`, {
    timeoutMs: Number(values.timeout) * 1000,
    collect: ['results.json'],
    onOutput: (text) => process.stdout.write(text),
  });
  const json = run.files['results.json'];
  if (json) return JSON.parse(json).tests;
  console.log(run.console.trimEnd());
  const reason = run.timedOut
    ? `no result after ${values.timeout} s`
    : run.status === undefined
      ? 'the machine did not come up'
      : `ended with status ${run.status}`;
  return [{ file: 'test/vm', name: reason, result: 'failed' }];
}

await finish('vm', await machineResults(), values.results);
