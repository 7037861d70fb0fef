import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { checkLeaks } from '../helpers/leaks.js';
import { ensureStarter, privateDirectories, rootSkip } from '../helpers/machine.js';

const project = fileURLToPath(new URL('../..', import.meta.url));
const skip = rootSkip() || (existsSync(join(project, 'dist/podrun.cjs')) ? false : 'needs the built command line');

interface Command {
  readonly process: ChildProcess;
  out: string;
  err: string;
  /** The exit status, once the streams have ended. */
  readonly ended: Promise<number | null>;
}

function start(args: readonly string[], env: Readonly<Record<string, string>>): Command {
  // Without the loader of the tests, which the command line does not need.
  const child = spawn(join(project, 'bin/podrun'), args, { env: { ...process.env, NODE_OPTIONS: '', ...env } });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const command: Command = { process: child, out: '', err: '', ended };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    command.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    command.err += text;
  });
  return command;
}

/** What each example prints and ends with; lines of several containers in any order. */
const examples: Readonly<
  Record<string, { readonly out: readonly string[]; readonly err?: string; readonly code?: number }>
> = {
  'hello.yaml': { out: ['hello from a Pod'] },
  'two-containers.yaml': {
    out: ['[client] hello from the other container', '[server] the page has been read'],
  },
  'init.yaml': { out: ['[first] first', '[main] one', '[main] two', '[second] second'] },
  'limits.yaml': {
    out: [],
    err: 'podrun: container "hog" was killed by the kernel for using more memory than its limit (OOMKilled)\n',
    code: 137,
  },
  'job.yaml': { out: ['3.141592653589793238462643383276'] },
};
/** Runs until it is stopped: has a test of its own. */
const endless = 'web.yaml';

t.test('examples, by the command line', { skip }, async (t) => {
  checkLeaks(t);
  ensureStarter();
  const { root, state, logs, remove } = privateDirectories();
  t.teardown(remove);
  const env = { PODRUN_ROOT: root, PODRUN_STATE: state, PODRUN_LOGS: logs };
  const run = (...args: readonly string[]) => start(args, env);

  t.test('there is an expectation for each of them', async (t) => {
    t.same(readdirSync(join(project, 'examples')).sort(), [...Object.keys(examples), endless].sort());
  });

  t.test('the first Pod says that its image is unpacked', async (t) => {
    const command = run('run', join(project, 'examples', 'hello.yaml'));
    t.equal(await command.ended, 0);
    t.match(
      command.err,
      /^podrun: pulling podrun\.local\/starter:latest\npodrun: pulled podrun\.local\/starter:latest \(sha256:\w{12}, /,
    );
  });

  for (const [file, { out, err = '', code = 0 }] of Object.entries(examples)) {
    t.test(`${file} ends by itself as it says`, async (t) => {
      const command = run('run', join(project, 'examples', file));
      t.equal(await command.ended, code);
      t.same(command.out.split('\n').filter(Boolean).sort(), out);
      t.equal(command.err, err);
    });
  }

  t.test('web.yaml is seen, entered and deleted from a second terminal', async (t) => {
    const web = run('run', join(project, 'examples', endless));
    while (!web.out.includes('serving')) await Promise.race([once(web.process.stdout!, 'data'), web.ended]);
    const list = run('ps');
    t.equal(await list.ended, 0, list.err);
    t.match(list.out, /^web +1\/1 +Running +0 +\d+s +\d+\.\d+\.\d+\.\d+$/m);
    const page = run('exec', 'web', '--', 'wget', '-q', '-O', '-', 'http://127.0.0.1:8080/');
    t.equal(await page.ended, 0, page.err);
    t.equal(page.out, 'hello from web\n');
    const log = run('logs', 'web');
    t.equal(await log.ended, 0, log.err);
    t.equal(log.out, 'serving on port 8080\n');
    const deletion = run('delete', 'web');
    t.equal(await deletion.ended, 0, deletion.err);
    t.equal(deletion.out, 'pod "web" deleted\n');
    t.equal(await web.ended, 0, web.err);
    t.equal(web.out, 'serving on port 8080\nstopping\n');
  });

  t.test('Ctrl-C ends it gracefully, with 130', async (t) => {
    const web = run('run', join(project, 'examples', endless));
    while (!web.out.includes('serving')) await Promise.race([once(web.process.stdout!, 'data'), web.ended]);
    web.process.kill('SIGINT');
    t.equal(await web.ended, 130);
    t.equal(web.out, 'serving on port 8080\nstopping\n');
    t.equal(web.err, 'podrun: stopping, press Ctrl-C again to kill\n');
  });

  t.test('a reader that leaves ends the Pod, quietly, with 141', async (t) => {
    const web = run('run', join(project, 'examples', endless));
    web.process.stdout!.destroy();
    t.equal(await web.ended, 141);
    t.equal(web.err, '');
  });
});
