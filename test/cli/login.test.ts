import t from 'tap';
import { podrun } from './fake.js';

t.test('login and logout take one registry, and say what is wrong with another', async (t) => {
  for (const [argv, message] of [
    [['login'], 'which registry? give its host'],
    [['login', 'a.b', 'c.d'], 'one registry at a time, got 2'],
    [['login', 'name'], '"name" is not a registry'],
    [['login', '-u', 'x', 'https://'], 'is not a registry'],
    [['login', '-u', 'x', 'h.example.com/Upper'], 'is not a registry'],
    [['login', '-u', 'x', 'h.example.com:port'], 'is not a registry'],
    [['login', 'h.example.com'], 'there is no terminal to ask on: use --password-stdin'],
    [['login', '--password-stdin', 'h.example.com'], 'flag --password-stdin needs --username'],
    [['logout'], 'which registry?'],
    [['logout', '--all', 'h.example.com'], 'exclude each other'],
  ] as const) {
    const { code, out, err } = await podrun(argv);
    t.match({ code, out }, { code: 125, out: '' }, argv.join(' '));
    t.ok(err.includes(message), `${argv.join(' ')}: ${err}`);
  }
});

t.test('there is no flag for the password itself', async (t) => {
  const { code, err } = await podrun(['login', '--password', 'hunter2', 'h.example.com']);
  t.equal(code, 125);
  t.match(err, /unknown flag --password of "login"/);
  t.notMatch(err, 'hunter2');
});
