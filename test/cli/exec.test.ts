import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import t from 'tap';
import type { ExecOptions } from '../../src/podrun/api.js';
import type { ExecSession } from '../../src/runtime/exec.js';
import { FakePodrun, FakeProcess, podrun } from './fake.js';

interface Asked {
  command?: readonly string[];
  options?: ExecOptions;
  sizes: object[];
}

/** A Pod whose command echoes its input, or prints what is given, and ends with 7. */
function podWithExec(asked: Asked, output = { stdout: 'out\n', stderr: 'err\n' }) {
  const exec = async (command: readonly string[], options: ExecOptions = {}): Promise<ExecSession> => {
    asked.command = command;
    asked.options = options;
    const stdin = options.stdin ? new PassThrough() : undefined;
    const stdout = stdin
      ? Readable.from([Buffer.from(await new Promise<string>((resolve) => resolve('')))])
      : Readable.from([Buffer.from(output.stdout)]);
    const received = stdin ? text(stdin) : Promise.resolve('');
    return {
      ...(stdin ? { stdin } : {}),
      stdout,
      stderr: Readable.from(options.tty ? [] : [Buffer.from(output.stderr)]),
      resize: (size) => asked.sizes.push(size),
      wait: async () => {
        await received;
        return 7;
      },
    };
  };
  return new FakePodrun([{ name: 'web', containers: ['app'], exec }]);
}

t.test('exec passes streams on and ends with the code of the command', async (t) => {
  const asked: Asked = { sizes: [] };
  const run = await podrun(['exec', 'web', '--', 'ls', '-l'], { podrun: podWithExec(asked) });
  t.same(run, { code: 7, out: 'out\n', err: 'err\n' });
  t.same(asked.command, ['ls', '-l']);
  t.match(asked.options, { container: 'app', stdin: false, tty: false });
});

t.test('exec -i passes standard input on, to its end', async (t) => {
  const asked: Asked = { sizes: [] };
  const process = new FakeProcess();
  (process.stdin as unknown as PassThrough).end('hello');
  t.equal((await podrun(['exec', '-i', 'web', '--', 'cat'], { podrun: podWithExec(asked), process })).code, 7);
  t.equal(asked.options?.stdin, true);
});

t.test('exec -it puts the terminal in raw mode, follows its size and restores it', async (t) => {
  const asked: Asked = { sizes: [] };
  const process = new FakeProcess();
  const modes: boolean[] = [];
  Object.assign(process.stdin, { isTTY: true, setRawMode: (raw: boolean) => modes.push(raw) });
  Object.assign(process.stdout, { columns: 120, rows: 40 });
  process.env['TERM'] = 'xterm-256color';
  const run = podrun(['exec', '-it', 'web', '--', 'sh'], { podrun: podWithExec(asked), process });
  while (modes.length === 0) await new Promise((resolve) => setImmediate(resolve));
  Object.assign(process.stdout, { columns: 90, rows: 30 });
  process.emit('SIGWINCH', 'SIGWINCH');
  (process.stdin as unknown as PassThrough).end();
  t.equal((await run).code, 7);
  t.match(asked.options, { tty: true, stdin: true, size: { width: 120, height: 40 }, env: { TERM: 'xterm-256color' } });
  t.same(asked.sizes, [{ width: 90, height: 30 }]);
  t.same(modes, [true, false]);
  t.same(process.eventNames(), []);
});

t.test('exec restores the terminal when the session breaks', async (t) => {
  const process = new FakeProcess();
  const modes: boolean[] = [];
  Object.assign(process.stdin, { isTTY: true, setRawMode: (raw: boolean) => modes.push(raw) });
  const exec = async (): Promise<ExecSession> => ({
    stdin: new PassThrough(),
    stdout: new Readable({
      read() {
        this.destroy(new Error('the sandbox has gone'));
      },
    }),
    stderr: Readable.from([]),
    resize: () => undefined,
    wait: () => new Promise(() => undefined),
  });
  const run = await podrun(['exec', '-it', 'web', '--', 'sh'], {
    podrun: new FakePodrun([{ name: 'web', exec }]),
    process,
  });
  t.equal(run.code, 125);
  t.equal(run.err, 'podrun: the sandbox has gone\n');
  t.same(modes, [true, false]);
});

t.test('exec -t without a terminal goes on without, and says so', async (t) => {
  const asked: Asked = { sizes: [] };
  const process = new FakeProcess();
  (process.stdin as unknown as PassThrough).end();
  const { err } = await podrun(['exec', '-it', 'web', '--', 'sh'], { podrun: podWithExec(asked), process });
  t.match(err, 'no terminal for the command: standard input is none');
  t.equal(asked.options?.tty, false);
});
