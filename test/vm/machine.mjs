import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { project } from '../tools/ts-hooks.mjs';
import { findKernel, makeInitramfs } from './initramfs.mjs';

/**
 * Emulation only: guests of the machines this was made for hang with /dev/kvm. Emulated, everything takes five to ten times as
 * long, so behaviour and ratios are what can be tested there.
 */
function qemuArguments({ kernel, initramfs, job }) {
  const share = (id, path, readonly) => [
    '-virtfs',
    `local,path=${path},mount_tag=${id},security_model=none,multidevs=remap${readonly ? ',readonly=on' : ''}`,
  ];
  return [
    ...['-M', 'q35', '-accel', 'tcg,thread=multi', '-smp', '2', '-cpu', 'max', '-m', '4096'],
    ...['-nodefaults', '-display', 'none', '-no-reboot', '-device', 'virtio-rng-pci'],
    ...['-serial', `file:${join(job, 'console')}`, '-serial', 'stdio'],
    ...['-kernel', kernel, '-initrd', initramfs, '-append', 'console=ttyS0 quiet loglevel=1 panic=-1 mitigations=off'],
    ...share('root', '/', true),
    ...share('job', job, false),
  ];
}

/**
 * Boots Debian's kernel with the unified cgroup hierarchy over this machine's files (read-only; what is written there is lost),
 * runs a shell script in it and switches it off.
 * @param {string} script  finds the directory /job, where it may leave files
 * @param {{ timeoutMs: number, collect?: readonly string[], onOutput?: (text: string) => void }} options
 *   collect: names of files in /job to bring back
 * @returns {Promise<{ status: number | undefined, timedOut: boolean, output: string, console: string, files: Record<string, string> }>}
 *   status: of the script, undefined when the machine did not get that far; console: what the kernel said
 */
export async function runInMachine(script, { timeoutMs, collect = [], onOutput = () => undefined }) {
  const job = await mkdtemp(join(tmpdir(), 'podrun-vm-'));
  const read = (name) => readFile(join(job, name), 'utf8').catch(() => '');
  try {
    const { version, image } = await findKernel();
    const initramfs = await makeInitramfs(version, job);
    await writeFile(join(job, 'main'), await readFile(new URL('./main.sh', import.meta.url)));
    await writeFile(join(job, 'project'), project);
    await writeFile(join(job, 'command'), script);
    const { output, timedOut } = await boot(qemuArguments({ kernel: image, initramfs, job }), timeoutMs, onOutput);
    const status = (await read('status')).trim();
    const files = Object.fromEntries(await Promise.all(collect.map(async (name) => [name, await read(name)])));
    return {
      status: status === '' ? undefined : Number(status),
      timedOut,
      output,
      console: await read('console'),
      files,
    };
  } finally {
    await rm(job, { recursive: true, force: true });
  }
}

async function boot(args, timeoutMs, onOutput) {
  const machine = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let timedOut = false;
  for (const stream of [machine.stdout, machine.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
      onOutput(text);
    });
  }
  const timer = setTimeout(() => {
    timedOut = true;
    machine.kill('SIGKILL');
  }, timeoutMs);
  await new Promise((resolve, reject) => {
    machine.on('error', reject).on('close', resolve);
  });
  clearTimeout(timer);
  return { output, timedOut };
}
