import t from 'tap';
import { nearest } from '../../src/manifest/nearest.js';

const known = ['name', 'image', 'imagePullPolicy', 'command', 'args', 'env', 'envFrom', 'ports', 'volumeMounts'];

t.test('a misspelling finds its name', async (t) => {
  const cases = {
    comand: 'command',
    commmand: 'command',
    cmomand: 'command',
    imag: 'image',
    Image: 'image',
    imagePulPolcy: 'imagePullPolicy',
    image_pull_policy: 'imagePullPolicy',
    volumemounts: 'volumeMounts',
    volumeMount: 'volumeMounts',
    evn: 'env',
    port: 'ports',
  };
  for (const [wrong, right] of Object.entries(cases)) t.equal(nearest(wrong, known), right, wrong);
});

t.test('what is like none of them finds nothing', async (t) => {
  for (const name of ['', 'x', 'foo', 'replicas', 'restartPolicy', 'a'.repeat(10_000)])
    t.equal(nearest(name, known), undefined, name.slice(0, 20));
});
