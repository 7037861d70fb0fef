import { test } from 'tap';
import { Podrun, PodrunError } from '../../src/index.js';

test('importing podrun listens to no signal, keeps nothing alive, and opening it needs nothing of the machine', async (t) => {
  const names = process.eventNames().filter((name) => typeof name === 'string' && name.startsWith('SIG'));
  const podrun = await Podrun.open({ root: '/nonexistent/root', state: '/nonexistent/state' });
  t.same(
    process.eventNames().filter((name) => typeof name === 'string' && name.startsWith('SIG')),
    names,
  );
  await podrun.close();
  await t.rejects(podrun.run('{}'), { code: 'ERR_PODRUN_CLOSED' });
});

test('a manifest that is wrong is refused before anything of the machine is asked for', async (t) => {
  const podrun = await Podrun.open({ root: '/nonexistent/root', state: '/nonexistent/state' });
  await t.rejects(podrun.run('kind: Pod\napiVersion: v1\nspec: {}\n'), { code: 'ERR_PODRUN_MANIFEST_INVALID' });
  await t.rejects(podrun.run({ file: '/nonexistent/pod.yaml' }), {
    code: 'ERR_PODRUN_MANIFEST_UNREADABLE',
    message: 'cannot read /nonexistent/pod.yaml: no such file',
  });
  await t.rejects(podrun.run({ file: '/' }), { code: 'ERR_PODRUN_MANIFEST_UNREADABLE', message: /is a directory/ });
});

test('an error of another copy of the package is still a PodrunError', (t) => {
  const foreign = { [Symbol.for('podrun.error')]: true, code: 'ERR_PODRUN_USAGE' };
  t.ok(foreign instanceof PodrunError);
  t.notOk(new Error('x') instanceof PodrunError);
  t.end();
});

test('without root a Pod is refused with a hint', async (t) => {
  const podrun = await Podrun.open({ root: '/nonexistent/root', state: '/nonexistent/state' });
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', image: 'x' }] },
  };
  const user = process.geteuid!();
  if (user === 0) process.seteuid!(65_534);
  try {
    await t.rejects(podrun.run(pod), { code: 'ERR_PODRUN_NOT_ROOT', hint: 'use sudo' });
    await t.rejects(podrun.pods(), { code: 'ERR_PODRUN_NOT_ROOT' });
  } finally {
    if (user === 0) process.seteuid!(0);
  }
});
