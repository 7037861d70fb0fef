/**
 * Makes the starter image, podrun.local/starter: an OCI layout in rootfs-cache/starter with Debian's busybox-static and
 * what a root file system needs around it. Usage: node rootfs-cache/build.mjs [--force]
 *
 * Nothing is unpacked to disk: the layer is written entry by entry, sorted, with one fixed time and owner, so the same
 * busybox gives the same digests, whoever builds.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';

const here = fileURLToPath(new URL('.', import.meta.url));
const layout = join(here, 'starter');
const madeAt = new Date('2024-01-01T00:00:00Z');
const architectures = { x64: 'amd64', arm64: 'arm64' };
const recipeAnnotation = 'dev.podrun.starter.recipe';

/** Debian's build has no printenv, and manifests like to call it. */
const printenv = `#!/bin/sh
[ $# -eq 0 ] && exec env
exec awk 'BEGIN{for(i=1;i<ARGC;i++) if(ARGV[i] in ENVIRON) print ENVIRON[ARGV[i]]; else rc=1; exit rc}' "$@"
`;

const passwd = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
`;

const group = `root:x:0:
daemon:x:1:
bin:x:2:
tty:x:5:
www-data:x:33:
nogroup:x:65534:
`;

/** Path of an installed busybox of the right package, or undefined. */
function installedBusybox() {
  try {
    const files = execFileSync('dpkg-query', ['-L', 'busybox-static'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return files.split('\n').find((file) => file.endsWith('/bin/busybox') && existsSync(file));
  } catch {
    return undefined; // not installed, or no dpkg at all: the download says what is missing
  }
}

function downloadedBusybox(scratch) {
  execFileSync('apt-get', ['download', '-qq', '-o', 'APT::Sandbox::User=root', 'busybox-static'], {
    cwd: scratch,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const deb = readdirSync(scratch).find((file) => file.endsWith('.deb'));
  execFileSync('dpkg-deb', ['-x', join(scratch, deb), join(scratch, 'root')]);
  return ['bin/busybox', 'usr/bin/busybox'].map((file) => join(scratch, 'root', file)).find((file) => existsSync(file));
}

/** The tree: path -> entry, in the order of the archive. */
function entries(busybox, applets) {
  const tree = new Map();
  const directory = (path, mode = 0o755) => tree.set(path, { type: 'Directory', mode });
  const file = (path, content, mode = 0o644) => tree.set(path, { type: 'File', mode, content: Buffer.from(content) });
  for (const path of [
    '',
    'bin',
    'dev',
    'etc',
    'home',
    'mnt',
    'proc',
    'run',
    'sbin',
    'sys',
    'usr',
    'usr/bin',
    'usr/sbin',
    'var',
    'var/log',
    'var/www',
  ])
    directory(path);
  directory('root', 0o700);
  directory('tmp', 0o1777);
  directory('var/tmp', 0o1777);
  file('bin/busybox', busybox, 0o755);
  for (const applet of applets) tree.set(`bin/${applet}`, { type: 'Link', mode: 0o755, linkpath: 'bin/busybox' });
  file('bin/printenv', printenv, 0o755);
  file('etc/passwd', passwd);
  file('etc/group', group);
  file('etc/shadow', 'root:*::0:::::\n', 0o640);
  file('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n');
  file('etc/os-release', 'NAME="podrun starter"\nID=podrun-starter\nPRETTY_NAME="podrun starter image (busybox)"\n');
  tree.set('usr/bin/env', { type: 'SymbolicLink', mode: 0o777, linkpath: '../../bin/env' });
  return tree;
}

function archive(tree) {
  const blocks = [];
  for (const [path, { type, mode, content = Buffer.alloc(0), linkpath }] of tree) {
    const name = type === 'Directory' ? `${path || '.'}/` : path;
    const header = new Header({
      path: name,
      type,
      mode,
      linkpath,
      size: content.byteLength,
      mtime: madeAt,
      uid: 0,
      gid: 0,
      uname: 'root',
      gname: 'root',
    });
    const block = Buffer.alloc(512);
    if (header.encode(block, 0)) throw new Error(`${path} does not fit a plain tar header`);
    blocks.push(block, content, Buffer.alloc((512 - (content.byteLength % 512)) % 512));
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function sha256(data) {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

function writeLayout(directory, layerTar, architecture) {
  mkdirSync(join(directory, 'blobs', 'sha256'), { recursive: true });
  const blob = (mediaType, content) => {
    const data = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
    const digest = sha256(data);
    writeFileSync(join(directory, 'blobs', 'sha256', digest.slice('sha256:'.length)), data);
    return { mediaType, digest, size: data.byteLength };
  };
  const oci = (name) => `application/vnd.oci.image.${name}`;
  const layer = blob(oci('layer.v1.tar+gzip'), gzipSync(layerTar, { level: 9 }));
  const settings = { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: ['sh'] };
  const rootfs = { type: 'layers', diff_ids: [sha256(layerTar)] };
  const config = blob(oci('config.v1+json'), {
    created: madeAt.toISOString(),
    architecture,
    os: 'linux',
    config: settings,
    rootfs,
  });
  const manifest = blob(oci('manifest.v1+json'), {
    schemaVersion: 2,
    mediaType: oci('manifest.v1+json'),
    config,
    layers: [layer],
  });
  const annotations = { 'org.opencontainers.image.ref.name': 'latest', [recipeAnnotation]: recipe };
  const entry = { ...manifest, platform: { os: 'linux', architecture }, annotations };
  writeFileSync(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  writeFileSync(
    join(directory, 'index.json'),
    JSON.stringify({ schemaVersion: 2, mediaType: oci('index.v1+json'), manifests: [entry] }),
  );
}

function upToDate() {
  try {
    const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
    return index.manifests[0].annotations[recipeAnnotation] === recipe;
  } catch {
    return false; // not there, or not whole: it is made anew
  }
}

const recipe = sha256(readFileSync(fileURLToPath(import.meta.url)));

function build() {
  const architecture = architectures[process.arch];
  if (!architecture) throw new Error(`no starter image for ${process.arch}`);
  const scratch = mkdtempSync(join(tmpdir(), 'podrun-starter-'));
  const next = mkdtempSync(`${layout}.`);
  try {
    const busybox = installedBusybox() ?? downloadedBusybox(scratch);
    if (!busybox) throw new Error('no busybox in the package busybox-static');
    const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' })
      .split('\n')
      .filter((name) => name !== '' && name !== 'busybox');
    writeLayout(next, archive(entries(readFileSync(busybox), applets.sort())), architecture);
    chmodSync(next, 0o755); // mkdtemp makes it 0700, and the image is nobody's secret
    rmSync(layout, { recursive: true, force: true });
    renameSync(next, layout);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
    rmSync(next, { recursive: true, force: true });
  }
}

if (process.argv.includes('--force') || !upToDate()) {
  build();
  console.log(`made the starter image in ${layout}`);
}
