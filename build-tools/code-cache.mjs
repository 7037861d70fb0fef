import { mkdtemp, rm } from 'node:fs/promises';
import Module, { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

const sink = () => new Writable({ write: (_chunk, _encoding, done) => done() });

const manifest = fileURLToPath(new URL('../examples/hello.yaml', import.meta.url));

/**
 * V8 keeps the code of functions that have run, so these are run; how they end does not matter. As root, with the native part and
 * the starter image built, that is a Pod from its start to its end (6 ms less for each one later), in directories of its own.
 */
async function warmUp({ main, openPodrun }) {
  const base = await mkdtemp(join(tmpdir(), 'podrun-build-'));
  const places = ['root', 'state', 'logs'].flatMap((name) => [`--${name}`, join(base, name)]);
  const process = { env: {}, stdin: globalThis.process.stdin, stdout: sink(), stderr: sink(), on() {}, off() {} };
  const lines = [
    ['help'],
    ['ps'],
    ['delete', '-f', manifest, '--ignore-not-found'],
    ['run', manifest],
    ['run', join(base, 'nothing.yaml')],
  ];
  for (const line of lines) await main([...line, ...places], { process, open: openPodrun });
  await rm(base, { recursive: true });
}

/**
 * What V8 makes of a CommonJS file.
 * @param {string} filename
 * @param {string} source
 * @returns {Promise<Buffer>}
 */
export async function codeCache(filename, source) {
  const script = new Script(Module.wrap(source), { filename });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(filename), module, filename, dirname(filename));
  await warmUp(module.exports);
  return script.createCachedData();
}
