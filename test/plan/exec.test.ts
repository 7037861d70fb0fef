import t from 'tap';
import { planContainer } from '../../src/plan/container.js';
import { planExec } from '../../src/plan/exec.js';
import { planInput } from './fixture.js';

const process = planContainer(planInput({ env: [{ name: 'A', value: '1=2' }], workingDir: '/srv' })).config.process;

t.test('a further process has the container’s identity, environment and directory', async (t) => {
  const { args, ...rest } = planExec(process, { command: ['id', '-u'] });
  const { args: _, ...original } = process;
  t.strictSame(args, ['id', '-u']);
  t.strictSame(rest, original);
});

t.test('a terminal brings TERM and its size, unless the container sets TERM itself', async (t) => {
  const plan = planExec(process, { command: ['sh'], tty: true, size: { width: 80, height: 24 } });
  t.equal(plan.terminal, true);
  t.strictSame(plan.consoleSize, { width: 80, height: 24 });
  t.ok(plan.env.includes('TERM=xterm'));
  const own = planExec({ ...process, env: ['TERM=dumb'] }, { command: ['sh'], tty: true });
  t.strictSame(own.env, ['TERM=dumb']);
});

t.test('own variables and directory replace the container’s', async (t) => {
  const plan = planExec(process, { command: ['env'], env: { A: '3', B: '' }, cwd: '/tmp' });
  t.ok(plan.env.includes('A=3') && plan.env.includes('B='));
  t.notOk(plan.env.includes('A=1=2'));
  t.equal(plan.cwd, '/tmp');
});
