import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { wallMs } from './measure.mjs';

const program = fileURLToPath(new URL('../bin/podrun', import.meta.url));
const library = new URL('../dist/index.js', import.meta.url).href;

/** podrun with its directories below `scratch`: the command, and the library loaded once into this process. */
export class PodrunSubject {
  #env;
  library;

  static async open(scratch) {
    const { Podrun } = await import(library);
    const directories = {};
    for (const name of ['root', 'state', 'logs']) directories[name] = join(scratch, 'podrun', name);
    return new PodrunSubject(directories, await Podrun.open(directories));
  }

  constructor({ root, state, logs }, opened) {
    this.library = opened;
    this.#env = { PODRUN_ROOT: root, PODRUN_STATE: state, PODRUN_LOGS: logs };
  }

  /** Wall time of the command line. */
  command(...args) {
    return wallMs([program, ...args], { env: this.#env });
  }

  get commandLine() {
    return { command: program, env: { ...process.env, ...this.#env } };
  }

  /** From the call until the program has been exec'd. @returns {Promise<{handle: object, ms: number}>} */
  async start(pod) {
    const began = performance.now();
    let handle;
    const ms = await new Promise((resolve, reject) => {
      const onEvent = (event) => {
        if (event.type === 'event' && event.reason === 'Started') resolve(performance.now() - began);
      };
      this.library.run(pod, { onEvent }).then((started) => {
        handle = started;
        started.wait().catch(reject);
      }, reject);
    });
    // The first event may come before run() has returned.
    while (handle === undefined) await new Promise(setImmediate);
    return { handle, ms };
  }

  /** A Pod that ends by itself: milliseconds until exec'd, until ended, and for its removal. */
  async cycle(pod) {
    const began = performance.now();
    const { handle, ms: started } = await this.start(pod);
    await handle.wait();
    const ended = performance.now() - began;
    await handle.delete({ force: true });
    return { started, ended, removed: performance.now() - began - ended };
  }

  async exec(handle, command) {
    const began = performance.now();
    const session = await handle.exec(command);
    const code = await session.wait();
    if (code !== 0) throw new Error(`exec ended with ${code}`);
    return performance.now() - began;
  }

  async close() {
    await this.library.close();
  }
}
