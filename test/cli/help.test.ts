import t from 'tap';
import { commands, globalFlags } from '../../src/cli/table.js';
import { commandNames, podrun } from './fake.js';

t.test('podrun alone, -h, --help and help explain what it is', async (t) => {
  const { out, code } = await podrun([]);
  t.equal(code, 0);
  for (const name of commandNames) t.match(out, new RegExp(`^  ${name} `, 'm'));
  for (const argv of [['-h'], ['--help'], ['help']])
    t.same(await podrun(argv), { code: 0, out, err: '' }, argv[0] ?? '');
});

t.test('every command explains itself, its flags and an example that it accepts', async (t) => {
  for (const spec of commands) {
    const { out, code } = await podrun(['help', spec.name]);
    t.equal(code, 0);
    t.match(out, `Usage:\n  podrun ${spec.name}`);
    for (const flag of [...spec.flags, ...globalFlags])
      t.ok(out.includes(`--${flag.name}`), `${spec.name} --${flag.name}`);
    t.same((await podrun([spec.name, '--help'])).out, out);
    t.ok(
      out.split('\n').every((line) => line.length <= 120),
      `lines of ${spec.name} fit`,
    );
  }
});

t.test('no two flags of a command have one name', async (t) => {
  for (const spec of commands) {
    const flags = [...spec.flags, ...globalFlags];
    const names = flags.flatMap(({ name, short }) => (short ? [name, short] : [name]));
    t.equal(new Set(names).size, names.length, spec.name);
  }
});

t.test('version says which podrun this is', async (t) => {
  const { out } = await podrun(['version']);
  t.match(out, /^podrun \d+\.\d+\.\d+ \(Node\.js \d+\.\d+\.\d+, linux-\w+, kernel \S+\)\n$/);
  t.equal((await podrun(['--version'])).out, out);
  t.match(JSON.parse((await podrun(['version', '-o', 'json'])).out), { podrun: String, node: process.versions.node });
});

t.test('help for a command that does not exist suggests one that does', async (t) => {
  const { err, code } = await podrun(['help', 'lgos']);
  t.match(err, 'unknown command "lgos", did you mean "logs"?');
  t.equal(code, 125);
});
