import t from 'tap';
import { parseArguments } from '../../src/cli/arguments.js';
import { commands } from '../../src/cli/table.js';
import { FakePodrun, podrun } from './fake.js';

const parse = (name: string, ...argv: readonly string[]) => {
  const spec = commands.find((candidate) => candidate.name === name)!;
  return parseArguments(spec, argv, { PODRUN_ROOT: '/env/root', PODRUN_STATE: '' });
};

t.test('flags, positionals and what follows -- are told apart', async (t) => {
  const args = parse('exec', '-it', 'web', '-c', 'app', '--', 'ls', '-l', '--color');
  t.same(args.positionals, ['web']);
  t.same(args.rest, ['ls', '-l', '--color']);
  t.equal(args.boolean('stdin'), true);
  t.equal(args.boolean('tty'), true);
  t.equal(args.string('container'), 'app');
  t.equal(parse('exec', 'web').rest, undefined);
});

t.test('a flag goes before its environment variable, and an empty variable is none', async (t) => {
  t.equal(parse('ps').string('root'), '/env/root');
  t.equal(parse('ps', '--root', '/flag').string('root'), '/flag');
  t.equal(parse('ps').string('state'), undefined);
});

t.test('a number may be negative where the flag allows it', async (t) => {
  t.equal(parse('logs', 'web', '--tail', '-1').integer('tail', -1), -1);
  t.equal(parse('logs', 'web', '--tail=7').integer('tail', -1), 7);
  t.throws(() => parse('logs', 'web', '--tail', 'x').integer('tail', -1), {
    code: 'ERR_PODRUN_USAGE',
    message: /whole number of at least -1, got "x"/,
  });
  t.throws(() => parse('delete', 'web', '--grace-period', '-3').integer('grace-period', 0), {
    code: 'ERR_PODRUN_USAGE',
  });
});

t.test('a repeated flag keeps all its values', async (t) => {
  t.same(parse('run', '-f', 'a', '--file', 'b').strings('file'), ['a', 'b']);
});

t.test('asking for a flag that the command has not is a bug', async (t) => {
  t.throws(() => parse('ps').string('tail'), TypeError);
});

t.test('usage errors say what is wrong in one line, where help is in another, and end with 125', async (t) => {
  const cases: readonly (readonly [string[], RegExp, string])[] = [
    [['rnu', 'x'], /^podrun: unknown command "rnu", did you mean "run"\?$/, 'podrun help'],
    [['frobnicate'], /^podrun: unknown command "frobnicate"$/, 'podrun help'],
    [
      ['logs', 'web', '--tial', '3'],
      /^podrun: unknown flag --tial of "logs", did you mean --tail\?$/,
      'podrun help logs',
    ],
    [['ps', '-o', 'xml'], /^podrun: flag -o, --output: expected table, wide, json, name, got "xml"$/, 'podrun help ps'],
    [['ps', '--quiet=yes'], /^podrun: flag -q, --quiet takes no value, got "yes"$/, 'podrun help ps'],
    [['logs', 'web', '--tail'], /^podrun: flag --tail needs a value: N$/, 'podrun help logs'],
    [['run'], /^podrun: which manifest\?/, 'podrun help run'],
    [
      ['run', 'x', '--registry-mirror', 'docker.io'],
      /^podrun: flag --registry-mirror: expected HOST=URL/,
      'podrun help run',
    ],
    [['exec', 'web', 'ls'], /^podrun: the command follows "--": podrun exec web -- ls$/, 'podrun help exec'],
    [['exec', 'web', '--'], /^podrun: which command\?/, 'podrun help exec'],
    [['logs'], /^podrun: which Pod\?$/, 'podrun help logs'],
    [['logs', 'web', '--since', 'yesterday'], /^podrun: flag --since: expected a duration/, 'podrun help logs'],
    [['delete'], /^podrun: which Pod\?/, 'podrun help delete'],
    [['delete', 'web', '--grace-period', '0'], /^podrun: flag --grace-period 0 needs --force$/, 'podrun help delete'],
  ];
  for (const [argv, message, help] of cases) {
    const run = await podrun(argv, { podrun: new FakePodrun([{ name: 'web' }]) });
    const [first = '', second] = run.err.split('\n');
    t.match(first, message, argv.join(' '));
    t.equal(second, `hint: see \`${help}\``, argv.join(' '));
    t.equal(run.code, 125);
    t.equal(run.out, '');
  }
});

t.test('global flags may come before the verb', async (t) => {
  const fake = new FakePodrun([{ name: 'web' }]);
  const run = await podrun(['--root', '/r', '--no-color', 'ps', '--state=/s'], { podrun: fake });
  t.equal(run.code, 0);
  t.same(fake.opened, { root: '/r', state: '/s' });
});
