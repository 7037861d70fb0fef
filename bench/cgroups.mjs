import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

/** Parents that the runtimes make and leave in each hierarchy. */
const parents = ['podrun-bench', 'libpod_parent'];

/** Directories of `parents` that are there now, so that those can be left alone at the end. */
export function presentCgroups() {
  return hierarchies().filter((path) => existsSync(path));
}

export function removeCgroups(except) {
  for (const path of hierarchies()) if (!except.includes(path) && existsSync(path)) removeTree(path);
}

function hierarchies() {
  const mounts = ['', ...readdirSync('/sys/fs/cgroup')].map((name) => join('/sys/fs/cgroup', name));
  return mounts.flatMap((mount) => parents.map((parent) => join(mount, parent)));
}

/** The files in a cgroup's directory go with it. */
function removeTree(path) {
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(path, entry.name));
  try {
    rmdirSync(path);
  } catch (error) {
    if (error.code !== 'EBUSY') throw error;
    console.error(`still in use: ${path}`);
  }
}
