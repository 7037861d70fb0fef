import { basename } from 'node:path';
import t from 'tap';
import { nameClaim, podPlaces } from '../../src/state/pod-paths.js';

const directories = { root: '/root', state: '/state', logs: '/logs' };
const uid = '01234567-89ab-cdef-0123-456789abcdef';

t.test('the longest names that are valid still fit the name of a file', async (t) => {
  const [namespace, name] = ['n'.repeat(63), 'p'.repeat(253)];
  const claim = nameClaim(directories, namespace, name);
  t.ok(basename(claim).length <= 255);
  t.not(claim, nameClaim(directories, namespace, `${'p'.repeat(252)}q`), 'and stay distinct');
  const { logs } = podPlaces(directories, uid, namespace, name);
  t.ok(basename(logs).length <= 255);
  t.ok(logs.endsWith(`_${uid}`), 'what is left behind is found by the UID');
});

t.test('usual names are kept as they are', async (t) => {
  t.equal(nameClaim(directories, 'default', 'web'), '/state/names/default_web');
  t.equal(podPlaces(directories, uid, 'default', 'web').logs, `/logs/default_web_${uid}`);
});
