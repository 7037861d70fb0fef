/** Debian packages as raw material of images: downloaded once, unpacked without running any of their scripts. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './command.js';

export const cacheDirectory = fileURLToPath(new URL('../.cache', import.meta.url));
const debs = join(cacheDirectory, 'debs');

/** Needed to install or configure a package, never to run its programs. */
const setUpOnly = new Set([
  'debconf',
  'dpkg',
  'tar',
  'iproute2',
  'media-types',
  'mime-support',
  'init-system-helpers',
  'debianutils',
  'lsb-base',
  'adduser',
  'sysvinit-utils',
  'libdebconfclient0',
  'perl-base',
  'passwd',
  'gcc-12-base',
  'gcc-14-base',
]);

/** Direct dependencies, the first of each set of alternatives. */
async function dependencies(packages: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  let skipAlternative = false;
  for (const line of (await run('apt-cache', ['depends', ...packages])).split('\n')) {
    const match = /^ ([ |])(?:Pre)?Depends: (\S+)/.exec(line);
    if (!match) continue;
    if (!skipAlternative && match[2] && !match[2].startsWith('<')) found.push(match[2]);
    skipAlternative = match[1] === '|';
  }
  return found;
}

/** The packages and all that they need at run time. */
async function closure(packages: readonly string[]): Promise<string[]> {
  const all = new Set(packages);
  for (let next = [...all]; next.length > 0; ) {
    const more = (await dependencies(next)).filter((name) => !all.has(name) && !setUpOnly.has(name));
    next = [...new Set(more)];
    for (const name of next) all.add(name);
  }
  return [...all].sort();
}

function debOf(name: string): string | undefined {
  return existsSync(debs)
    ? readdirSync(debs).find((file) => file.startsWith(`${name}_`) && file.endsWith('.deb'))
    : undefined;
}

/**
 * Unpacks packages with their dependencies into a directory.
 * @param above  packages of the layers below, whose files need not come again
 */
export async function unpackPackages(
  packages: readonly string[],
  above: readonly string[],
  directory: string,
): Promise<void> {
  const below = new Set(above.length > 0 ? await closure(above) : []);
  const names = (await closure(packages)).filter((name) => !below.has(name));
  const missing = names.filter((name) => debOf(name) === undefined);
  mkdirSync(debs, { recursive: true });
  if (missing.length > 0)
    await run('apt-get', ['download', '-qq', '-o', 'APT::Sandbox::User=root', ...missing], { cwd: debs });
  for (const name of names) {
    const file = debOf(name);
    if (!file) throw new Error(`apt-get did not download ${name}`);
    await run('dpkg-deb', ['-x', join(debs, file), directory]);
  }
}
