import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Runs every subject once per round, so that a slow moment of the machine falls on all of them alike. The first round warms
 * caches and does not count; the order turns by one each round, so that none always follows the same other.
 * @param {readonly {name: string, sample: () => Promise<number>}[]} subjects  `sample` gives milliseconds
 * @returns {Promise<Map<string, number[]>>} samples by name, in the order of the rounds
 */
export async function interleave(subjects, { runs, pauseMs = 100 }) {
  const samples = new Map(subjects.map(({ name }) => [name, []]));
  for (let round = -1; round < runs; round++) {
    for (let i = 0; i < subjects.length; i++) {
      const { name, sample } = subjects[(i + Math.max(round, 0)) % subjects.length];
      const ms = await sample();
      if (round >= 0) samples.get(name).push(ms);
      // The kernel takes network namespaces away after the fact, holding locks that the next start needs.
      await settle(pauseMs);
    }
  }
  return samples;
}

const patienceMs = 3000;

/** Pauses until the processors have been idle for most of one pause, so that a neighbour's burst is not measured; not for ever. */
async function settle(pauseMs) {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const before = processorTime();
    await sleep(pauseMs);
    const after = processorTime();
    const idle = (after.idle - before.idle) / Math.max(after.all - before.all, 1);
    if (idle > 0.8 || performance.now() > deadline) return;
  }
}

/** The first line of /proc/stat, in ticks. @see proc_stat(5) */
function processorTime() {
  const fields = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0].split(/ +/).slice(1).map(Number);
  return { idle: fields[3] + fields[4], all: fields.reduce((sum, field) => sum + field, 0) };
}

export function median(values) {
  return quantile(values, 0.5);
}

export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)];
  return low + (sorted[Math.ceil(at)] - low) * (at % 1);
}

/** Median of the ratios of each round: steadier than the ratio of the medians where the machine's speed changes. */
export function ratio(values, base) {
  return median(values.map((value, round) => value / base[round]));
}

/**
 * Runs a program to its end. Output is kept for the error message only.
 * @returns {Promise<{ms: number, stdout: string}>}
 */
export function run(command, { env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(command[0], command.slice(1), {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 120_000,
    });
    let ms = 0;
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('exit', () => {
      ms = performance.now() - began;
    });
    child.on('close', (code, signal) => {
      if (code === 0) return resolve({ ms, stdout });
      reject(new Error(`${command.join(' ')} ended with ${signal ?? code}:\n${stderr || stdout}`));
    });
  });
}

/** Wall time of a command. */
export async function wallMs(command, options) {
  return (await run(command, options)).ms;
}

/** Time that a program has measured itself and prints in nanoseconds. */
export async function printedMs(command, options) {
  return Number((await run(command, options)).stdout) / 1e6;
}
