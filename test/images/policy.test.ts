import { join } from 'node:path';
import { test } from 'tap';
import { parseReference } from '../../src/images/format/reference.js';
import { enforcePolicy, layoutOrigin, registryOrigin } from '../../src/images/trust/policy.js';
import { parsePolicy, readPolicy } from '../../src/images/trust/policy-file.js';
import { parseStrictJson } from '../../src/images/trust/strict-json.js';

const accept = [{ type: 'insecureAcceptAnything' }];
const reject = [{ type: 'reject' }];
const signed = [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: '/k' }];

/** "accepted", or what the refusal says. */
function judge(policy: object, name: string): string {
  const reference = parseReference(name);
  try {
    enforcePolicy(parsePolicy('/p.json', JSON.stringify(policy)), reference.text, registryOrigin(reference));
    return 'accepted';
  } catch (error) {
    return (error as Error).message;
  }
}

test('the most specific scope decides, then the transport, then the default', async (t) => {
  const docker = {
    '': accept,
    'h.example.com': reject,
    'h.example.com/ns': accept,
    'h.example.com/ns/repo': reject,
    'h.example.com/ns/repo:good': accept,
    '*.example.org': reject,
    'docker.io/library/busybox': reject,
  };
  const policy = { default: reject, transports: { docker } };
  t.equal(judge(policy, 'other.net/x'), 'accepted');
  t.match(
    judge(policy, 'h.example.com/x'),
    /^image h\.example\.com\/x:latest is refused by \/p\.json: .*"h\.example\.com".* says "reject"/,
  );
  t.equal(judge(policy, 'h.example.com/ns/x'), 'accepted');
  t.match(judge(policy, 'h.example.com/nsx/x'), /refused/);
  t.match(judge(policy, 'h.example.com/ns/repo'), /refused/);
  t.equal(judge(policy, 'h.example.com/ns/repo:good'), 'accepted');
  t.match(
    judge(policy, `h.example.com/ns/repo:good@sha256:${'1'.repeat(64)}`),
    /refused/,
    'a digest is what is asked for',
  );
  t.match(judge(policy, 'a.b.example.org/x'), /\*\.example\.org/);
  t.match(judge(policy, 'busybox'), /refused/, 'by the full name');
  t.match(judge({ default: reject }, 'x'), /: default says "reject"/);
  t.match(judge({ default: reject, transports: { 'docker-daemon': { '': accept } } }, 'x'), /refused/);
  t.equal(judge({ default: accept }, 'x'), 'accepted');
});

test('a signature that is demanded is a refusal that names file and requirement', async (t) => {
  for (const [type, more] of [
    ['signedBy', { keyType: 'GPGKeys', keyData: 'x', signedIdentity: { type: 'matchExact' } }],
    ['sigstoreSigned', { keyPath: '/k' }],
    ['signedBaseLayer', { baseLayerIdentity: { type: 'matchExact' } }],
  ] as const)
    t.match(judge({ default: [{ type, ...more }] }, 'x'), new RegExp(`/p\\.json: default demands "${type}"`));
  t.match(judge({ default: [...accept, ...signed] }, 'x'), /demands "signedBy"/, 'all requirements must hold');
  t.match(judge({ default: [...signed, ...reject] }, 'x'), /says "reject"/);
  t.throws(
    () =>
      enforcePolicy(parsePolicy('p', JSON.stringify({ default: reject })), 'x', { transport: 'docker', scopes: [] }),
    {
      code: 'ERR_PODRUN_POLICY',
      path: 'p',
    },
  );
});

test('a layout is of the transport "oci"', async (t) => {
  const reference = parseReference('podrun.local/starter');
  t.same(layoutOrigin('/a/starter', reference), {
    transport: 'oci',
    scopes: ['/a/starter:latest', '/a/starter', '/a'],
  });
  const policy = parsePolicy('p', JSON.stringify({ default: reject, transports: { oci: { '/a': accept } } }));
  t.doesNotThrow(() => enforcePolicy(policy, 'x', layoutOrigin('/a/starter', reference)));
  t.throws(() => enforcePolicy(policy, 'x', layoutOrigin('/b/starter', reference)), { code: 'ERR_PODRUN_POLICY' });
});

test('a file that is not understood to the last field is refused as a whole', async (t) => {
  for (const [source, message] of [
    ['{', /JSON|Expected/],
    ['[]', /must be an object/],
    ['{}', /default must be an array/],
    ['{"default":[]}', /default must be an array/],
    ['{"default":[{"type":"insecureAcceptAnything"}],"defualt":[]}', /unknown field "defualt"/],
    ['{"default":[{"type":"insecureAcceptAnything","keyPath":"/k"}]}', /unknown field "keyPath"/],
    ['{"default":[{"type":"acceptSome"}]}', /"acceptSome" is none of/],
    ['{"default":[{"type":"constructor"}]}', /is none of/],
    ['{"default":[{}]}', /is none of/],
    ['{"default":[{"type":"reject"}],"transports":[]}', /transports must be an object/],
    ['{"default":[{"type":"reject"}],"transports":{"docker":{"h":[]}}}', /transports\.docker\["h"\] must be an array/],
    ['{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}', /"default" comes twice/],
    ['{"default":[{"type":"reject"}],"d\\u0065fault":[{"type":"insecureAcceptAnything"}]}', /comes twice/],
  ] as const)
    t.throws(
      () => parsePolicy('/p.json', source),
      { code: 'ERR_PODRUN_POLICY_FILE', message, path: '/p.json' },
      source,
    );
});

test('strict JSON knows objects, arrays and strings apart', async (t) => {
  const source = '{"a":{"a":"b"},"b":["a","a",{"a":1},{"a":"}{:\\""}],"":[]}';
  t.same(parseStrictJson(source), JSON.parse(source));
  t.throws(() => parseStrictJson('[{"x":{"a":1,"b":{},"a":2}}]'), SyntaxError);
});

test("the user's file goes before the system's, and none is no policy", async (t) => {
  const directory = t.testdir({
    system: JSON.stringify({ default: reject }),
    user: JSON.stringify({ default: accept }),
    dir: {},
  });
  const path = (name: string) => join(directory, name);
  t.equal(readPolicy([path('user'), path('system')])?.file, path('user'));
  t.equal(readPolicy([path('none'), path('system')])?.file, path('system'));
  t.equal(readPolicy([path('none')]), undefined);
  t.throws(
    () => readPolicy([path('dir')]),
    { code: 'ERR_PODRUN_POLICY_FILE' },
    'one that cannot be read is no absent one',
  );
});
