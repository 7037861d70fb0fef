import t from 'tap';
import {
  dnsLabelProblems,
  dnsSubdomainProblems,
  envNameProblems,
  labelKeyProblems,
  labelValueProblems,
  portNameProblems,
} from '../../src/manifest/names.js';

type Rule = (value: string) => readonly string[];

function check(rule: Rule, good: readonly string[], bad: Readonly<Record<string, RegExp>>): void {
  t.test(rule.name, async (t) => {
    for (const value of good) t.strictSame(rule(value), [], value);
    for (const [value, reason] of Object.entries(bad)) t.match(rule(value).join('\n'), reason, value.slice(0, 80));
  });
}

check(dnsLabelProblems, ['a', '1', '123-abc', 'a--b', 'a'.repeat(63)], {
  'a.b': /^must not contain dots$/,
  a_b: /^a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-'.*'my-name', or '123-abc'/,
  A: /RFC 1123 label/,
  '-a': /RFC 1123 label/,
  'a-': /RFC 1123 label/,
  '': /RFC 1123 label/,
  'a\n': /RFC 1123 label/,
  ['a'.repeat(64)]: /^must be no more than 63 bytes$/,
});

check(dnsSubdomainProblems, ['a', 'a.b', 'example.com', '1.2.3', `${'a'.repeat(63)}.${'b'.repeat(100)}`], {
  example_pod:
    /^a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '\.'.*'example\.com'/,
  'a..b': /RFC 1123 subdomain/,
  'a.-b': /RFC 1123 subdomain/,
  '.a': /RFC 1123 subdomain/,
  ['a'.repeat(254)]: /^must be no more than 253 bytes$/,
});

check(labelKeyProblems, ['app', 'App_1.x', 'app.kubernetes.io/name', 'a/b', '1'], {
  '': /name part must be non-empty/,
  '/a': /prefix part must be non-empty/,
  'a/': /name part must be non-empty/,
  'a/b/c': /a valid label key .* with an optional DNS subdomain prefix/,
  'A/b': /prefix part a lowercase RFC 1123 subdomain/,
  '-a': /name part must consist of/,
  'a b': /name part must consist of/,
  ['a'.repeat(64)]: /name part must be no more than 63 bytes/,
});

check(labelValueProblems, ['', 'a', 'My_value.1', '12345'], {
  'a b': /a valid label must be an empty string or consist of/,
  'a-': /a valid label must be/,
  ['a'.repeat(64)]: /must be no more than 63 bytes/,
});

check(portNameProblems, ['http', 'a', 'web-1', '1a'], {
  abcdefghijklmnop: /must be no more than 15 bytes/,
  HTTP: /must contain only alpha-numeric characters/,
  '80': /must contain at least one letter/,
  'a--b': /must not contain consecutive hyphens/,
  '-a': /must not begin or end with a hyphen/,
  'a-': /must not begin or end with a hyphen/,
});

check(envNameProblems, ['A', 'a.b-c', '1', ' ', '~', 'a b', '$X'], {
  'A=B': /printable ASCII characters other than '='/,
  ä: /printable ASCII/,
  'a\tb': /printable ASCII/,
  'a\u007f': /printable ASCII/,
});
