import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** What is on the machine, as sorted lines of text for each kind of thing. */
export type Snapshot = Readonly<Record<Kind, readonly string[]>>;

const kinds = [
  'mounts',
  'netns',
  'interfaces',
  'addresses',
  'routes',
  'rules',
  'cgroups',
  'processes',
  'files',
] as const;
export type Kind = (typeof kinds)[number];

export interface Places {
  readonly root: string;
  readonly state: string;
  readonly logs: string;
}

const defaultPlaces: Places = { root: '/var/lib/podrun', state: '/run/podrun', logs: '/var/log/pods' };

/** Kept on purpose: images and what is derived from them, and the locks that everything else is protected by. */
const kept = /^(root\/(blobs|layers|images|seccomp|locks)\/|(state\/)?(network\/)?(lock|leases\/last)$)/;

/** Things that come and go while one looks at them: their error codes mean "not there". */
function unlessGone<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (
      code === 'ENOENT' ||
      code === 'ESRCH' ||
      code === 'EACCES' ||
      code === 'EINVAL' ||
      code === 'ENOTDIR' ||
      code === 'ENODEV'
    )
      return otherwise;
    throw error;
  }
}

const text = (path: string) => unlessGone(() => readFileSync(path, 'utf8'), '');
const names = (path: string) => unlessGone(() => readdirSync(path), [] as string[]);
const lines = (output: string) =>
  output
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

function mounts(): readonly string[] {
  return lines(text('/proc/self/mountinfo')).map((line) => {
    const fields = line.split(' ');
    return `${fields[4]} (${line.split(' - ')[1]})`;
  });
}

const pids = () => names('/proc').filter((name) => /^\d+$/.test(name));

/** Network namespaces that a process is in, or holds open, or that are mounted (ip netns). */
function networkNamespaces(): readonly string[] {
  const found = new Set<string>();
  for (const pid of pids()) {
    found.add(unlessGone(() => readlinkSync(`/proc/${pid}/ns/net`), ''));
    for (const fd of names(`/proc/${pid}/fd`)) {
      const target = unlessGone(() => readlinkSync(`/proc/${pid}/fd/${fd}`), '');
      if (target.startsWith('net:[')) found.add(target);
    }
  }
  found.delete('');
  for (const name of names('/run/netns')) found.add(`/run/netns/${name}`);
  return [...found];
}

function ip(...args: readonly string[]): readonly string[] {
  const output = execFileSync('ip', ['-o', ...args], { encoding: 'utf8' });
  // Remaining lifetimes change by themselves, as do numbers of interfaces made anew.
  return lines(output).map((line) =>
    line
      .replace(/(valid_lft|preferred_lft|expires) \S+/g, '')
      .replace(/^\d+: /, '')
      .replace(/\s+/g, ' '),
  );
}

function cgroupMounts(): readonly string[] {
  return lines(text('/proc/self/mountinfo'))
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(' ')[4] ?? '');
}

/** cgroups of podrun in every hierarchy, wherever they hang. */
function cgroups(): readonly string[] {
  const found: string[] = [];
  const walk = (directory: string, inside: boolean) => {
    for (const entry of unlessGone(() => readdirSync(directory, { withFileTypes: true }), [])) {
      if (!entry.isDirectory()) continue;
      const ours = inside || entry.name.startsWith('podrun');
      const path = join(directory, entry.name);
      if (ours) found.push(path);
      walk(path, ours);
    }
  };
  for (const mount of cgroupMounts()) walk(mount, false);
  // The parent of all Pods' cgroups is kept, empty, once there has been one.
  return found.filter((path) => !/\/podrun$/.test(path));
}

/** Sandboxes and whatever runs in a cgroup of podrun. Zombies count only when they are ours to reap. */
function processes(): readonly string[] {
  return pids().flatMap((pid) => {
    const stat = text(`/proc/${pid}/stat`);
    const [, name = '', state = '', parent = ''] = /^\d+ \((.*)\) (\S) (\d+)/s.exec(stat) ?? [];
    if (state === '' || (state === 'Z' && Number(parent) !== process.pid)) return [];
    const ours = name.startsWith('podrun-sandbox') || /[:/]podrun/.test(text(`/proc/${pid}/cgroup`)) || state === 'Z';
    return ours ? [`${pid} (${name}) ${state}`] : [];
  });
}

function files({ root, state, logs }: Places): readonly string[] {
  return Object.entries({ root, state, logs }).flatMap(([place, directory]) => {
    const entries = unlessGone(() => readdirSync(directory, { recursive: true, withFileTypes: true }), []);
    return entries.flatMap((entry) => {
      const path = join(entry.parentPath, entry.name);
      const inside = `${place}/${path.slice(directory.length + 1)}`;
      // Directories at the top are furniture.
      const furniture =
        entry.isDirectory() &&
        (entry.parentPath === directory || inside === 'state/network/leases' || inside === 'root/blobs/sha256');
      return furniture || kept.test(inside) || (entry.isDirectory() && kept.test(`${inside}/`)) ? [] : [path];
    });
  });
}

/** @param places  directories of a podrun that does not use the usual ones */
export function snapshot(places: Places = defaultPlaces): Snapshot {
  const found: Record<Kind, readonly string[]> = {
    mounts: mounts(),
    netns: networkNamespaces(),
    interfaces: names('/sys/class/net'),
    addresses: ip('addr', 'show'),
    routes: [...ip('route', 'show', 'table', 'all'), ...ip('-6', 'route', 'show', 'table', 'all')],
    rules: lines(execFileSync('nft', ['-s', 'list', 'ruleset'], { encoding: 'utf8' })),
    cgroups: cgroups(),
    processes: processes(),
    files: files(places),
  };
  for (const kind of kinds) found[kind] = [...found[kind]].sort();
  return found;
}

/** What is there more than once before, kind by kind; equal lines are counted. */
export function difference(before: Snapshot, after: Snapshot): readonly string[] {
  return kinds.flatMap((kind) => {
    const known = new Map<string, number>();
    for (const line of before[kind]) known.set(line, (known.get(line) ?? 0) + 1);
    return after[kind].flatMap((line) => {
      const left = known.get(line) ?? 0;
      known.set(line, left - 1);
      return left > 0 ? [] : [`${kind}: ${line}`];
    });
  });
}

/**
 * Waits up to three seconds for what the kernel takes away by itself, some time after the last process: it dismantles a
 * network namespace in a work queue (net/core/net_namespace.c, cleanup_net), some 60 ms later.
 * @returns what is left
 */
export async function leftSince(before: Snapshot, places: Places = defaultPlaces): Promise<readonly string[]> {
  const until = performance.now() + 3_000;
  for (;;) {
    const left = difference(before, snapshot(places));
    if (left.length === 0 || performance.now() > until) return left;
    await sleep(50);
  }
}

/** @throws Error that lists what is there now and was not before */
export async function assertNothingLeft(before: Snapshot, places: Places = defaultPlaces): Promise<void> {
  const left = await leftSince(before, places);
  if (left.length === 0) return;
  const shown = left.length > 30 ? [...left.slice(0, 30), `and ${left.length - 30} more`] : left;
  throw new Error(`left on the machine:\n  ${shown.join('\n  ')}`);
}

/** Takes a snapshot now and compares when the test has ended: `checkLeaks(t)` as its first line. */
export function checkLeaks(t: { teardown(end: () => Promise<void>): void }, places: Places = defaultPlaces): void {
  const before = snapshot(places);
  t.teardown(() => assertNothingLeft(before, places));
}

/** As a command: counts of everything; `--save FILE` keeps them, `--compare FILE` fails when something has been left since. */
async function command([option, file]: readonly string[]): Promise<number> {
  const now = snapshot();
  if (option === '--compare' && file) {
    const left = await leftSince(JSON.parse(readFileSync(file, 'utf8')) as Snapshot);
    console.log(left.length === 0 ? 'nothing left' : left.join('\n'));
    return left.length === 0 ? 0 : 1;
  }
  if (option === '--save' && file) writeFileSync(file, JSON.stringify(now));
  console.log(kinds.map((kind) => `${kind} ${now[kind].length}`).join(', '));
  return 0;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url))
  process.exitCode = await command(process.argv.slice(2));
