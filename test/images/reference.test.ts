import fc from 'fast-check';
import { test } from 'tap';
import { PodrunError } from '../../src/errors.js';
import { parseReference } from '../../src/images/format/reference.js';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

test('names get their defaults', async (t) => {
  const cases: readonly [string, string][] = [
    ['busybox', 'docker.io/library/busybox:latest'],
    ['busybox:1.28', 'docker.io/library/busybox:1.28'],
    ['t9kpublic/t9k-sdk:0.6.0-torch-2.0.1', 'docker.io/t9kpublic/t9k-sdk:0.6.0-torch-2.0.1'],
    ['docker.io/library/busybox', 'docker.io/library/busybox:latest'],
    ['docker.io/busybox', 'docker.io/library/busybox:latest'],
    ['index.docker.io/busybox', 'docker.io/library/busybox:latest'],
    ['example_image', 'docker.io/library/example_image:latest'],
    ['a__b/c-d--e.f', 'docker.io/a__b/c-d--e.f:latest'],
    ['registry.k8s.io/pause:3.9', 'registry.k8s.io/pause:3.9'],
    ['localhost/x', 'localhost/x:latest'],
    ['localhost:5000/x/y/z:1', 'localhost:5000/x/y/z:1'],
    ['127.0.0.1:5000/x', '127.0.0.1:5000/x:latest'],
    ['[::1]:5000/x:1', '[::1]:5000/x:1'],
    ['[2001:db8::1]/x', '[2001:db8::1]/x:latest'],
    ['Registry.Example.COM/x', 'registry.example.com/x:latest'],
    [`busybox@${digest}`, `docker.io/library/busybox@${digest}`],
    [`busybox:1.28@${digest}`, `docker.io/library/busybox@${digest}`],
    [`127.0.0.1:5000/x@${digest}`, `127.0.0.1:5000/x@${digest}`],
  ];
  for (const [text, full] of cases) t.equal(parseReference(text).text, full, text);
});

test('a digest counts more than a tag', async (t) => {
  t.same(parseReference(`busybox:1.28@${digest}`).wanted, { digest });
  t.same(parseReference('busybox:1.28').wanted, { tag: '1.28' });
});

test('a wrong name is refused with the offending part', async (t) => {
  const cases: readonly [string, RegExp][] = [
    ['', /empty/],
    ['Busybox', /repository name must be lowercase, not "Busybox"/],
    ['library/Busybox:1', /must be lowercase, not "Busybox"/],
    ['User/app', /must be lowercase, not "User"/],
    ['<your-private-image>', /character "<"/],
    ['gcr.io/<project>/job-wq-1', /character "<" in "<project>"/],
    ['a b', /white space/],
    ['a\nb', /white space and control/],
    ['a//b', /empty/],
    ['/a', /empty/],
    ['gcr.io/', /empty/],
    [':tag', /repository name is missing/],
    ['-a', /begin and end with a letter or digit/],
    ['a..b', /joined by one "\."/],
    ['a___b', /one or two "_"/],
    ['../etc', /"\.\." is not a host name/],
    ['x.io/../etc', /"\.\."/],
    ['busybox:', /tag ""/],
    ['busybox:-1', /tag "-1"/],
    [`busybox:${'x'.repeat(129)}`, /1 to 128/],
    ['busybox:a:b', /character ":"|tag|host name/],
    ['example.com:99999/x', /port "99999"/],
    ['example.com:/x', /port ""/],
    ['example.com:http/x', /port "http"/],
    ['-x.example.com/a', /"-x.example.com" is not a host name/],
    ['[::zz]:5000/x', /"\[::zz\]" is not a host name/],
    ['busybox@', /not a digest/],
    ['busybox@latest', /not a digest/],
    ['busybox@sha256:abc', /exactly 64 hexadecimal digits/],
    [`busybox@sha256:${'A'.repeat(64)}`, /lower case/],
    [`busybox@sha512:${'a'.repeat(128)}`, /algorithm "sha512" is not supported/],
    [`busybox@sha256:../../x`, /exactly 64/],
    ['a'.repeat(64), /image ID/],
    [`x.io/${'a/'.repeat(130)}a`, /longer than 255/],
  ];
  for (const [text, message] of cases) {
    t.throws(() => parseReference(text), { code: 'ERR_PODRUN_IMAGE_NAME', message }, JSON.stringify(text));
  }
});

test('what is accepted is stable, and safe in a path and a URL', async () => {
  const part = fc.stringMatching(/^[a-z0-9._:@/[\]-]{0,40}$/);
  fc.assert(
    fc.property(fc.oneof(part, fc.string({ unit: 'binary', maxLength: 40 })), (text) => {
      let parsed: ReturnType<typeof parseReference>;
      try {
        parsed = parseReference(text);
      } catch (error) {
        return error instanceof PodrunError && error.code === 'ERR_PODRUN_IMAGE_NAME';
      }
      const again = parseReference(parsed.text);
      const path = `/v2/${parsed.repository}/`;
      return again.text === parsed.text && new URL(path, `http://${parsed.registry}`).pathname === path;
    }),
    { numRuns: 5000 },
  );
});
