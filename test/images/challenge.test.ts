import fc from 'fast-check';
import { test } from 'tap';
import { parseChallenges } from '../../src/images/sources/challenge.js';

test('one challenge with parameters', async (t) => {
  t.same(
    parseChallenges(
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
    ),
    [
      {
        scheme: 'bearer',
        parameters: {
          realm: 'https://auth.docker.io/token',
          service: 'registry.docker.io',
          scope: 'repository:a/b:pull,push',
        },
      },
    ],
  );
});

test('several challenges, spaces, bare and escaped values', async (t) => {
  t.same(parseChallenges('Negotiate, Basic  Realm = "a \\"b\\"" , charset=UTF-8,Bearer realm=x'), [
    { scheme: 'negotiate', parameters: {} },
    { scheme: 'basic', parameters: { realm: 'a "b"', charset: 'UTF-8' } },
    { scheme: 'bearer', parameters: { realm: 'x' } },
  ]);
});

test('nonsense ends the reading, and always ends', async (t) => {
  t.same(parseChallenges(''), []);
  t.same(parseChallenges('="'), []);
  t.same(parseChallenges('realm="x"'), []);
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (header) => Array.isArray(parseChallenges(header))),
  );
});
