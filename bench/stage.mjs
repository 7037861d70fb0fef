import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/**
 * Where podman and the OCI runtimes run: network, mount and pid namespaces of their own, so that their bridges, firewall
 * rules, mounts and monitors end with the benchmark; with `root`, the file system is that directory (another release, made by
 * debootstrap). Its process 1 reaps at once, which podman waits for. Entering costs a command one nsenter(1), 1 to 2 ms.
 */
export class Stage {
  #keeper;
  #enter;
  /** Process 1 of the stage, as the machine sees it. */
  pid;

  constructor(keeper, pid) {
    this.#keeper = keeper;
    this.pid = Number(pid);
    this.#enter = ['nsenter', '--target', pid, '--net', '--mount', '--pid', '--root', '--wd', '--'];
  }

  static async open(root) {
    if (root !== undefined && !existsSync(`${root}/proc`)) throw new Error(`${root} is no root directory`);
    const script = `${root === undefined ? '' : pivot}${prepare} exec 3<&0; echo ready; cat <&3 & wait`;
    const flags = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private'];
    const keeper = spawn('unshare', [...flags, 'sh', '-ec', script], {
      env: { ...process.env, ROOT: root ?? '/' },
      // Its end of the pipe is closed with this process, however that ends, and then the stage ends too.
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await new Promise((resolve, reject) => {
      keeper.stdout.once('data', resolve);
      keeper.once('exit', (code) => reject(new Error(`the stage in ${root ?? '/'} ended with ${code}`)));
    });
    keeper.unref();
    keeper.stdout.unref();
    keeper.stdin.unref();
    return new Stage(keeper, readFileSync(`/proc/${keeper.pid}/task/${keeper.pid}/children`, 'latin1').trim());
  }

  /** The command line that runs `command` in here. */
  command(command) {
    return [...this.#enter, ...command];
  }

  close() {
    this.#keeper.kill('SIGKILL');
  }
}

/** The machine's /sys, /dev and scratch directories stay; pivot_root rather than chroot, because runtimes pivot too. */
const pivot = `
mount --bind "$ROOT" "$ROOT"
for directory in proc sys dev tmp; do mount --rbind "/$directory" "$ROOT/$directory"; done
cd "$ROOT"
pivot_root . mnt
umount -l mnt
cd /
PATH=/usr/sbin:/usr/bin:/sbin:/bin
`;

/** crun refuses a hybrid machine whose cgroup2 has a controller; without that mount it takes it for one with v1 alone. */
const prepare = 'mount -t proc proc /proc; umount -l /sys/fs/cgroup/unified 2>/dev/null || true;';
