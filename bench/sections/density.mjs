import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { interleave } from '../measure.mjs';
import { sleeping, writeYaml } from '../pods.mjs';
import { commandName, descendants, kernelMiB, programBytes, pssMiB, sandboxes } from '../processes.mjs';
import { number, printRows, printSamples, printTarget } from '../table.mjs';

const counts = [1, 10, 50];
const many = 50;
/** podman's own processes; the rest below its monitors are containers. */
const ofPodman = new Set(['conmon', 'catatonit', 'aardvark-dns', 'podman']);

/** Fifty Pods at once, until each program has been exec'd; and their removal. */
export async function benchMany({ podrun, runs }) {
  const removals = [];
  const start = async () => {
    const began = performance.now();
    const pods = await Promise.all(names(many).map((name) => podrun.start(sleeping(name))));
    const ms = performance.now() - began;
    const deleting = performance.now();
    await Promise.all(pods.map(({ handle }) => handle.delete({ force: true })));
    removals.push(performance.now() - deleting);
    return ms;
  };
  const samples = await interleave([{ name: `start ${many}`, sample: start }], { runs, pauseMs: 1000 });
  samples.set(`remove ${many}`, removals.slice(-runs));
  printSamples(`${many} Pods at once through the library`, samples);
  return samples;
}

/** What is resident for podrun's and podman's own processes, for each of 1, 10 and 50 running Pods. */
export async function benchMemory({ podrun, podmen, scratch }) {
  const rows = [];
  const own = new Map();
  for (const count of counts) {
    const kernelBefore = kernelMiB();
    const pods = await Promise.all(names(count).map((name) => podrun.start(sleeping(name))));
    await sleep(500);
    const pids = sandboxes();
    own.set(count, total(pids) / count);
    const memfd = programBytes(pids[0]) / 2 ** 20;
    rows.push(row('podrun-sandbox', count, total(pids), kernelMiB() - kernelBefore, `+ ${number(memfd)} MiB memfd`));
    await Promise.all(pods.map(({ handle }) => handle.delete({ force: true })));
    await sleep(1000);
  }
  rows.push(await foreground(podrun, scratch));
  for (const podman of podmen) rows.push(...(await podmanRows(podman, scratch)));
  printRows('Memory for running Pods, PSS in MiB', ['', 'Pods', 'each', 'all', 'kernel each', ''], rows);
  printTarget({ text: 'podrun-sandbox, one Pod, MiB', value: own.get(1), limit: 1 });
  printTarget({ text: 'podrun-sandbox, each of 50, MiB', value: own.get(50), limit: 0.25 });
  return own;
}

/** `podrun run` in the foreground: the supervisor is a Node process of its own. */
async function foreground(podrun, scratch) {
  const { command, env } = podrun.commandLine;
  const file = writeYaml(scratch, sleeping('foreground'));
  const child = spawn(command, ['run', '--quiet', file], { env, stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await sleep(2000);
  const pss = pssMiB(child.pid);
  await podrun.command('delete', '--force', 'foreground');
  await ended;
  return row('podrun run in the foreground (Node)', 1, pss, undefined, 'beside its sandbox');
}

async function podmanRows(podman, scratch) {
  const rows = [];
  for (const count of counts) {
    const kernelBefore = kernelMiB();
    const began = performance.now();
    await Promise.all(names(count).map((name) => podman.up(writeYaml(scratch, sleeping(name)))));
    const startMs = performance.now() - began;
    await sleep(500);
    const pids = descendants(podman.stagePid).filter((pid) => ofPodman.has(commandName(pid)));
    const kernel = kernelMiB() - kernelBefore;
    const all = total(pids);
    const removing = performance.now();
    await Promise.all(names(count).map((name) => podman.remove(name)));
    const removalMs = performance.now() - removing;
    const times = `started in ${number(startMs / 1000)} s, removed in ${number(removalMs / 1000)} s`;
    rows.push(row(podman.name, count, all, kernel, times));
    await sleep(1000);
  }
  return rows;
}

function row(name, count, all, kernel, note) {
  const each = kernel === undefined ? '' : number(Math.max(kernel, 0) / count);
  return [name, String(count), number(all / count), number(all), each, note];
}

function total(pids) {
  return pids.reduce((sum, pid) => sum + pssMiB(pid), 0);
}

function names(count) {
  return Array.from({ length: count }, (_, i) => `many-${i}`);
}
