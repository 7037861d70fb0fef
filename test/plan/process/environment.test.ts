import t from 'tap';
import {
  type EnvironmentSources,
  manifestVariables,
  processEnvironment,
} from '../../../src/plan/process/environment.js';

const environment = (sources: Partial<EnvironmentSources>) =>
  processEnvironment({ hostname: 'pod', image: [], variables: new Map(), home: '/root', terminal: false, ...sources });
const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

t.test('a reference sees only variables earlier in the list', async (t) => {
  const variables = manifestVariables([
    { name: 'EARLY', value: '$(PROTOCOL)://' },
    { name: 'PROTOCOL', value: 'https' },
    { name: 'ADDRESS', value: '$(PROTOCOL)://$(HOST):$(PORT)' },
    { name: 'HOST', value: '10.0.0.1' },
    { name: 'ESCAPED', value: '$$(PROTOCOL)' },
    { name: 'SELF', value: '$(SELF)x' },
  ]);
  t.strictSame(Object.fromEntries(variables), {
    EARLY: '$(PROTOCOL)://',
    PROTOCOL: 'https',
    ADDRESS: 'https://$(HOST):$(PORT)',
    HOST: '10.0.0.1',
    ESCAPED: '$(PROTOCOL)',
    SELF: '$(SELF)x',
  });
});

t.test('a name given twice has the later value, which may refer to the earlier one', async (t) => {
  const variables = manifestVariables([
    { name: 'A', value: '1' },
    { name: 'A', value: '$(A)2' },
  ]);
  t.strictSame([...variables], [['A', '12']]);
});

t.test('defaults: PATH, HOSTNAME, HOME; TERM only with a terminal', async (t) => {
  t.strictSame(environment({}), [path, 'HOSTNAME=pod', 'HOME=/root']);
  t.strictSame(environment({ terminal: true }), [path, 'TERM=xterm', 'HOSTNAME=pod', 'HOME=/root']);
});

t.test('the image wins over defaults and the manifest over the image', async (t) => {
  const env = environment({
    image: ['PATH=/image', 'VERSION=1=2', 'KEEP=yes', 'HOSTNAME=of-image', 'HOME=/srv'],
    variables: new Map([['VERSION', '3']]),
  });
  t.strictSame(env, ['PATH=/image', 'HOSTNAME=of-image', 'VERSION=3', 'KEEP=yes', 'HOME=/srv']);
  t.ok(environment({ variables: new Map([['HOME', '/mine']]) }).includes('HOME=/mine'));
});

t.test('an empty HOME counts as none', async (t) => {
  t.ok(environment({ image: ['HOME='] }).includes('HOME=/root'));
});

t.test('a HOME of the image with a line break is refused, one of the manifest is the user’s own', async (t) => {
  t.throws(() => environment({ image: ['HOME=x\nroot::0:0'] }), { code: 'ERR_PODRUN_IMAGE_CONFIG' });
  t.ok(environment({ variables: new Map([['HOME', 'a\nb']]) }).includes('HOME=a\nb'));
});

t.test('a bare name in the image takes a variable away', async (t) => {
  t.strictSame(environment({ image: ['PATH'] }), ['HOSTNAME=pod', 'HOME=/root']);
});
