import { execFile as execFileCallback } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const execFile = promisify(execFileCallback);

/** What it takes to reach the host's root; the rest is loaded from there. */
const modules = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];
/** Debian 13 compresses modules, which busybox cannot undo. */
const decompressors = { '.xz': 'xz', '.zst': 'zstd', '.gz': 'gzip' };

/** The newest kernel of this machine that has 9p (the -cloud- ones have not). */
export async function findKernel() {
  const kernels = (await readdir('/boot'))
    .filter((name) => name.startsWith('vmlinuz-'))
    .map((name) => name.slice('vmlinuz-'.length));
  kernels.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  for (const version of kernels) {
    const files = await readdir(`/lib/modules/${version}/kernel/fs/9p`).catch(() => []);
    if (files.length > 0) return { version, image: `/boot/vmlinuz-${version}` };
  }
  throw new Error('no kernel with 9p in /boot: install linux-image-amd64 (not the cloud one)');
}

/** Files of the modules and of all they need, in the order in which they can be loaded. */
async function moduleFiles(version) {
  const files = new Set();
  for (const module of modules) {
    const { stdout } = await execFile('modprobe', ['-S', version, '--show-depends', module]);
    for (const [, file] of stdout.matchAll(/^insmod (\S+)/gm)) files.add(file);
  }
  return [...files];
}

async function addModule(file, directory) {
  const suffix = Object.keys(decompressors).find((ending) => file.endsWith(ending));
  const name = suffix ? basename(file, suffix) : basename(file);
  if (!suffix) await copyFile(file, join(directory, name));
  else {
    const { stdout } = await execFile(decompressors[suffix], ['-dc', file], {
      encoding: 'buffer',
      maxBuffer: 64 * 1024 * 1024,
    });
    await writeFile(join(directory, name), stdout);
  }
  return name;
}

/** Makes the initramfs for a kernel. @returns its path in `directory` */
export async function makeInitramfs(version, directory) {
  const tree = await mkdtemp(join(directory, 'initramfs-'));
  await Promise.all(['bin', 'modules'].map((name) => mkdir(join(tree, name))));
  const busybox = (await stat('/bin/busybox').catch(() => undefined)) ? '/bin/busybox' : '/usr/bin/busybox';
  await copyFile(busybox, join(tree, 'bin/busybox'));
  await writeFile(join(tree, 'init'), await readFile(new URL('./init.sh', import.meta.url)), { mode: 0o755 });
  const names = [];
  for (const file of await moduleFiles(version)) names.push(await addModule(file, join(tree, 'modules')));
  await writeFile(join(tree, 'modules/order'), names.map((name) => `${name}\n`).join(''));
  const archive = join(directory, 'initramfs.cpio');
  await execFile('sh', ['-c', 'cd "$1" && find . | cpio --quiet -o -H newc >"$2"', 'sh', tree, archive]);
  await rm(tree, { recursive: true });
  return archive;
}
