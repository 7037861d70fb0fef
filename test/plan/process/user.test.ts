import t from 'tap';
import { resolveUser } from '../../../src/plan/process/user.js';

const passwd = `# comment
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin

user-defined-in-image:x:1000:1000::/home/user-defined-in-image:/bin/sh
app:x:2000:100::/srv/app:/bin/false
nohome:x:2001:100:::
`;
const group = `root:x:0:
daemon:x:1:
users:x:100:app
app:x:2000:app
audio:x:29:daemon,app
group-defined-in-image:x:50000:user-defined-in-image
`;
const resolve = (spec: string) => resolveUser(spec, { passwd, group });

t.test('no USER is root with root’s home and groups', async (t) => {
  t.strictSame(resolve(''), { uid: 0, gid: 0, additionalGids: [0], home: '/root' });
  t.strictSame(resolveUser('', { passwd: '', group: '' }), { uid: 0, gid: 0, additionalGids: [0], home: '/' });
});

t.test('a name has its primary group first, then those that list it', async (t) => {
  t.strictSame(resolve('app'), { uid: 2000, gid: 100, additionalGids: [100, 29], home: '/srv/app' });
  t.strictSame(resolve('user-defined-in-image').additionalGids, [1000, 50000]);
  t.equal(resolve('nohome').home, '/');
});

t.test('a number is looked up for group, groups and home, and need not be known', async (t) => {
  t.strictSame(resolve('1000'), {
    uid: 1000,
    gid: 1000,
    additionalGids: [1000, 50000],
    home: '/home/user-defined-in-image',
  });
  t.strictSame(resolve('4711'), { uid: 4711, gid: 0, additionalGids: [0], home: '/' });
});

t.test('uid:gid, name:group, and the mixed forms', async (t) => {
  t.match(resolve('4711:42'), { uid: 4711, gid: 42, additionalGids: [42] });
  t.match(resolve('app:audio'), { uid: 2000, gid: 29, additionalGids: [29, 100] });
  t.match(resolve('app:7'), { uid: 2000, gid: 7, additionalGids: [7, 100, 29] });
  t.match(resolve('4711:audio'), { uid: 4711, gid: 29 });
  t.match(resolve(':audio'), { uid: 0, gid: 29 });
});

t.test('names that the image does not have are refused by name', async (t) => {
  t.throws(() => resolve('nobody'), {
    code: 'ERR_PODRUN_USER',
    message: /no user "nobody" in the image's \/etc\/passwd/,
  });
  t.throws(() => resolve('app:nogroup'), { code: 'ERR_PODRUN_USER', message: /no group "nogroup"/ });
  t.throws(() => resolve('app:audio:x'), { code: 'ERR_PODRUN_USER' });
  t.throws(() => resolve('app\nroot'), { code: 'ERR_PODRUN_USER' });
  t.throws(() => resolve('ap'), { code: 'ERR_PODRUN_USER' }, 'a part of a name is no name');
});

t.test('numbers that would wrap to another user are refused (CVE-2024-40635)', async (t) => {
  t.equal(resolve('2147483647').uid, 2147483647);
  for (const spec of ['2147483648', '4294967295', '4294967296', '99999999999999999999', '-1', '0:4294967296', '0:-1']) {
    t.throws(() => resolve(spec), { code: 'ERR_PODRUN_USER' }, spec);
  }
  t.throws(() => resolveUser('big', { passwd: 'big:x:4294967296:0::/:', group: '' }), { code: 'ERR_PODRUN_USER' });
  t.throws(() => resolveUser('a', { passwd: 'a:x:1:1::/:', group: 'g:x:4294967296:a' }), { code: 'ERR_PODRUN_USER' });
});

t.test('lines whose numbers do not parse, and NIS lines, are no users', async (t) => {
  const files = { passwd: 'evil:x:zero:0::/:\nevil2:x::0::/:\n+::0:0:::\n#hash:x:0:0:::\n', group: '' };
  for (const spec of ['evil', 'evil2', '+', '#hash'])
    t.throws(() => resolveUser(spec, files), { code: 'ERR_PODRUN_USER' }, spec);
  t.equal(resolveUser('0', files).home, '/');
});

t.test('a home with control characters is refused', async (t) => {
  t.throws(() => resolveUser('a', { passwd: 'a:x:1:1::/x\u001b[2J:/bin/sh', group: '' }), { code: 'ERR_PODRUN_USER' });
});

t.test('files of unreasonable size are refused, long ones are searched fast', async (t) => {
  t.throws(() => resolveUser('a', { passwd: `${'x'.repeat(1 << 20)}\n`, group: '' }), { code: 'ERR_PODRUN_USER' });
  const long = 'u:x:5:5::/:/bin/sh\n'.repeat(50_000);
  const started = performance.now();
  t.equal(resolveUser('7777', { passwd: long, group: long }).uid, 7777);
  t.ok(performance.now() - started < 1000);
});
