import { dir, file, gnuLong, hardLink, symlink, tar } from '../../helpers/tar-builder.js';
import { folder, foldersTo, link, refuses, type UnpackCase, unpacks } from './case.js';

const up = '../'.repeat(10);

/** Three ways to name a directory beyond the root; all three mean the same one within it. */
const escapes: Readonly<Record<string, (outside: string) => string>> = {
  'abs-outside': (outside) => outside,
  'rel-outside': (outside) => `${up}${outside.slice(1)}`,
  'dot-garbage': (outside) => `/./../.././..${outside}`,
};

const escapeCases = Object.entries(escapes).flatMap(([name, target]) => [
  unpacks(
    `symlink-${name}-kept`,
    (outside) => [tar(symlink('out', target(outside)))],
    (outside) => ({ out: link(target(outside)) }),
  ),
  unpacks(
    `symlink-${name}-write`,
    (outside) => [tar(symlink('out', target(outside)), file('out/new', 'x'), file('out/file', 'y'))],
    (outside) => ({
      out: link(target(outside)),
      ...foldersTo(outside),
      [`${outside.slice(1)}/new`]: 'x',
      [`${outside.slice(1)}/file`]: 'y',
    }),
  ),
  unpacks(
    `symlink-${name}-mkdir`,
    (outside) => [tar(symlink('out', target(outside)), dir('out/new/', { mode: 0o700 }))],
    (outside) => ({
      out: link(target(outside)),
      ...foldersTo(`${outside}/new`),
      [`${outside.slice(1)}/new`]: { type: 'dir', mode: 0o700 },
    }),
  ),
  unpacks(
    `symlink-${name}-next-layer`,
    (outside) => [tar(symlink('out', target(outside))), tar(file('out/new', 'x'))],
    { out: folder, 'out/new': 'x' },
  ),
]);

const insideCases: readonly UnpackCase[] = [
  unpacks('symlink-inside-abs', [tar(dir('etc/'), symlink('local', '/etc'), file('local/new', 'x'))], {
    etc: folder,
    local: link('/etc'),
    'etc/new': 'x',
  }),
  unpacks('symlink-inside-missing', [tar(symlink('local', '/etc/deep'), file('local/new', 'x'))], {
    local: link('/etc/deep'),
    etc: { type: 'dir', mode: 0o755 },
    'etc/deep': folder,
    'etc/deep/new': 'x',
  }),
  unpacks(
    'symlink-inside-upandout',
    [tar(dir('dummy/'), dir('etc/'), symlink('local', '/dummy/../etc'), file('local/new', 'x'))],
    { dummy: folder, etc: folder, local: link('/dummy/../etc'), 'etc/new': 'x' },
  ),
  unpacks(
    'symlink-chain',
    [tar(dir('etc/'), symlink('first', '/etc'), dir('d/'), symlink('d/second', '../first'), file('d/second/new', 'x'))],
    { etc: folder, first: link('/etc'), d: folder, 'd/second': link('../first'), 'etc/new': 'x' },
  ),
  unpacks(
    'symlink-retargeted',
    [tar(dir('a/'), dir('b/'), symlink('l', 'a'), file('l/x', '1'), symlink('l', 'b'), file('l/x', '2'))],
    { a: folder, b: folder, l: link('b'), 'a/x': '1', 'b/x': '2' },
  ),
  unpacks(
    'symlink-two-hop-escape',
    (outside) => [tar(dir('a/'), symlink('a/up', '..'), symlink('out', `a/up/../..${outside}`), file('out/new', 'x'))],
    (outside) => ({
      a: folder,
      'a/up': link('..'),
      out: link(`a/up/../..${outside}`),
      ...foldersTo(outside),
      [`${outside.slice(1)}/new`]: 'x',
    }),
  ),
  unpacks(
    'symlink-rel-then-abs',
    (outside) => [tar(symlink('abs', outside), symlink('rel', '../../abs'), file('rel/new', 'x'))],
    (outside) => ({
      abs: link(outside),
      rel: link('../../abs'),
      ...foldersTo(outside),
      [`${outside.slice(1)}/new`]: 'x',
    }),
  ),
  refuses('symlink-loop', 'ERR_PODRUN_LAYER_UNSAFE_PATH', [
    tar(symlink('a', 'b'), symlink('b', 'a'), file('a/new', 'x')),
  ]),
  refuses('symlink-empty-target', 'ERR_PODRUN_LAYER_MALFORMED', [tar(symlink('a', ''))]),
  unpacks('symlink-long-target', [tar(gnuLong('K', 'x/'.repeat(1500).concat('y')), symlink('a', 'cut'))], {
    a: link('x/'.repeat(1500).concat('y')),
  }),
  unpacks(
    'chmod-through-symlink',
    [
      tar(
        file('target', 'x', { mode: 0o600, mtime: 1000 }),
        symlink('one', 'target'),
        hardLink('two', 'one', { mode: 0o777, uid: 1234, mtime: 2000 }),
      ),
    ],
    {
      target: { type: 'file', content: 'x', mode: 0o600, uid: 0, mtimeNs: 1_000_000_000_000n },
      one: link('target'),
      two: { type: 'symlink', target: 'target', same: 'one' },
    },
  ),
];

const layeredCases: readonly UnpackCase[] = [
  unpacks(
    'lower-abs-symlink',
    [tar(dir('run/'), dir('var/'), symlink('var/run', '/run')), tar(file('var/run/new', 'x'))],
    { run: folder, var: folder, 'var/run': folder, 'var/run/new': 'x' },
  ),
  unpacks(
    'lower-abs-symlink-missing-target',
    [tar(dir('var/'), symlink('var/run', '/run')), tar(file('var/run/new', 'x'))],
    { var: folder, 'var/run': folder, 'var/run/new': 'x' },
  ),
  unpacks(
    'usrmerge',
    [tar(dir('usr/'), dir('usr/lib/'), file('usr/lib/a', 'x'), symlink('lib', 'usr/lib')), tar(file('lib/b', 'y'))],
    { usr: folder, 'usr/lib': folder, 'usr/lib/a': 'x', lib: folder, 'lib/b': 'y' },
  ),
  unpacks(
    'symlink-replaced-by-dir',
    [tar(dir('real/'), file('real/a', 'x'), symlink('link', 'real')), tar(dir('link/'), file('link/b', 'y'))],
    { real: folder, 'real/a': 'x', link: folder, 'link/b': 'y' },
  ),
  unpacks(
    'dir-replaced-by-symlink',
    [tar(dir('dir/'), file('dir/a', 'x'), dir('other/')), tar(symlink('dir', 'other'))],
    { dir: link('other'), other: folder },
  ),
  unpacks(
    'symlink-override-path',
    [tar(dir('path/'), file('path/a', 'x'), symlink('path', '/'), file('path/tmp/new', 'y'), dir('path/'), dir('b/'))],
    { path: folder, tmp: folder, 'tmp/new': 'y', b: folder },
  ),
  unpacks(
    'file-over-symlink',
    (outside) => [
      tar(file('target', 'x'), symlink('a', 'target'), symlink('b', `${outside}/file`)),
      tar(file('a', 'y'), file('b', 'z')),
    ],
    { target: 'x', a: 'y', b: 'z' },
  ),
  unpacks(
    'file-over-symlink-same-layer',
    (outside) => [
      tar(file('target', 'x'), symlink('a', 'target'), symlink('b', `${outside}/file`), file('a', 'y'), file('b', 'z')),
    ],
    { target: 'x', a: 'y', b: 'z' },
  ),
];

export const symlinkCases: readonly UnpackCase[] = [...escapeCases, ...insideCases, ...layeredCases];
