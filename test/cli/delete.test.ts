import t from 'tap';
import { FakePodrun, podrun } from './fake.js';

const two = () => new FakePodrun([{ name: 'a' }, { name: 'b' }]);

t.test('delete ends Pods with their own grace period and says which are gone', async (t) => {
  const fake = two();
  t.same(await podrun(['delete', 'a', 'b'], { podrun: fake }), {
    code: 0,
    out: 'pod "a" deleted\npod "b" deleted\n',
    err: '',
  });
  t.same(
    fake.handles.map(({ deletions }) => deletions),
    [[{ force: false, wait: true }], [{ force: false, wait: true }]],
  );
});

t.test('delete passes the grace period on', async (t) => {
  const cases: readonly (readonly [string[], object])[] = [
    [['--grace-period', '7'], { force: false, wait: true, gracePeriodSeconds: 7 }],
    [['--now'], { force: false, wait: true, gracePeriodSeconds: 1 }],
    [['--force'], { force: true, wait: true, gracePeriodSeconds: 0 }],
    [['--force', '--grace-period=0'], { force: true, wait: true, gracePeriodSeconds: 0 }],
    [['--no-wait'], { force: false, wait: false }],
  ];
  for (const [flags, options] of cases) {
    const fake = two();
    t.equal((await podrun(['delete', 'a', ...flags], { podrun: fake })).code, 0);
    t.same(fake.handles[0]?.deletions, [options]);
  }
});

t.test('delete goes on after a Pod that is not there, and fails', async (t) => {
  const { code, out, err } = await podrun(['delete', 'nope', 'b'], { podrun: two() });
  t.equal(code, 125);
  t.equal(out, 'pod "b" deleted\n');
  t.equal(err, 'podrun: no pod "nope" in namespace "default"\n');
  t.same(await podrun(['delete', 'nope', '--ignore-not-found'], { podrun: two() }), { code: 0, out: '', err: '' });
});

t.test('delete -f takes the Pods of a manifest and those of its Jobs', async (t) => {
  const file = t.testdir({
    'm.yaml': `
apiVersion: v1
kind: Pod
metadata: {name: a}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: work}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}
`,
  });
  const owner = { ownerReferences: [{ kind: 'Job', name: 'work' }] };
  const fake = new FakePodrun([{ name: 'a' }, { name: 'b' }, { name: 'work-x7k2p', metadata: owner }]);
  t.equal(
    (await podrun(['delete', '-f', `${file}/m.yaml`], { podrun: fake })).out,
    'pod "a" deleted\npod "work-x7k2p" deleted\n',
  );
  t.same(fake.handles[1]?.deletions, []);
});
