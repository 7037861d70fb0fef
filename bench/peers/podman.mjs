import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, wallMs } from '../measure.mjs';

/** podman with stores, networks and settings below `scratch`, which is best on a tmpfs. */
export class Podman {
  #stage;
  #env;
  name;

  constructor(name, stage, env) {
    this.name = name;
    this.#stage = stage;
    this.#env = env;
  }

  /** @returns {Promise<Podman | string>} what is missing, as text */
  static async find(stage, scratch, label) {
    const found = async (command) => {
      try {
        return (await run(stage.command(command))).stdout;
      } catch {
        return undefined;
      }
    };
    const version = (await found(['podman', '--version']))?.match(/\d+\.\d+\.\d+/)?.[0];
    if (version === undefined) return `podman (${label}): not installed`;
    // crun before 1.28 refuses a machine with v1 and v2 hierarchies side by side.
    const crun = (await found(['crun', '--version']))?.match(/(\d+)\.(\d+)/);
    const modern = crun && (Number(crun[1]) > 1 || Number(crun[2]) >= 28);
    const runtime = modern ? 'crun' : (await found(['runc', '--version'])) && 'runc';
    if (!runtime) return `podman ${version} (${label}): neither runc nor crun >= 1.28 installed`;
    return new Podman(`podman ${version} ${runtime}`, stage, settings(join(scratch, `podman-${version}`), runtime));
  }

  /** Takes the image into its store, and runs it once: podman makes its pause image and its network on first use. */
  async prepare(layout, manifest, container) {
    await this.#run('pull', '--quiet', `oci:${layout}`);
    const id = (await this.#run('images', '--quiet')).trim().split('\n')[0];
    await this.#run('tag', id, 'podrun.local/starter:latest');
    await this.play(manifest, container);
  }

  /** Start, end and removal of a Pod that ends by itself. Not `kube play --wait`: 4.3 has none, and 5.8's can wait for ever. */
  play(manifest, container) {
    const script = `podman kube play ${manifest} && podman wait ${container} && podman kube down ${manifest}`;
    return wallMs(this.#stage.command(['sh', '-ec', script]), { env: this.#env });
  }

  up(manifest) {
    return this.#ms('kube', 'play', manifest);
  }

  runTrue() {
    return this.#ms('run', '--rm', 'podrun.local/starter:latest', 'true');
  }

  exec(container) {
    return this.#ms('exec', container, 'true');
  }

  get stagePid() {
    return this.#stage.pid;
  }

  remove(pod) {
    return this.#ms('pod', 'rm', '--force', '--time', '0', pod);
  }

  #ms(...args) {
    return wallMs(this.#stage.command(['podman', ...args]), { env: this.#env });
  }

  async #run(...args) {
    return (await run(this.#stage.command(['podman', ...args]), { env: this.#env })).stdout;
  }
}

function settings(directory, runtime) {
  const networks = join(directory, 'networks');
  mkdirSync(networks, { recursive: true });
  const containers = join(directory, 'containers.conf');
  const storage = join(directory, 'storage.conf');
  // Limits above those of the machine would be refused. With cgroups of their own on v1, conmon and the cleanup that it has
  // started wait for each other, for seconds, when a Pod ends by itself.
  writeFileSync(
    containers,
    `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "k8s-file"
cgroups = "no-conmon"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "${runtime}"
tmp_dir = "${directory}/tmp"
[network]
network_config_dir = "${networks}"
`,
  );
  writeFileSync(
    storage,
    `[storage]\ndriver = "overlay"\ngraphroot = "${directory}/root"\nrunroot = "${directory}/run"\n`,
  );
  return { CONTAINERS_CONF: containers, CONTAINERS_STORAGE_CONF: storage };
}
