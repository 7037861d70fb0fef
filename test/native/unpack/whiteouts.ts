import { dir, file, member, opaque, pax, symlink, tar, whiteout } from '../../helpers/tar-builder.js';
import { folder, refuses, type UnpackCase, unpacks } from './case.js';

const up = '../'.repeat(10);
const lower = tar(dir('d/'), file('d/a', 'x'), file('d/.hidden', 'h'), dir('d/sub/'), file('d/sub/b', 'y'));
const kept = { d: folder, 'd/a': 'x', 'd/.hidden': 'h', 'd/sub': folder, 'd/sub/b': 'y' } as const;
const { 'd/a': a, 'd/.hidden': hidden, 'd/sub': sub, 'd/sub/b': b } = kept;

const plainCases: readonly UnpackCase[] = [
  unpacks('whiteout-file', [lower, tar(whiteout('d/a'))], {
    d: folder,
    'd/.hidden': hidden,
    'd/sub': sub,
    'd/sub/b': b,
  }),
  unpacks('whiteout-dir', [lower, tar(whiteout('d/sub'))], { d: folder, 'd/a': a, 'd/.hidden': hidden }),
  unpacks('whiteout-hidden', [lower, tar(whiteout('d/.hidden'))], { d: folder, 'd/a': a, 'd/sub': sub, 'd/sub/b': b }),
  unpacks('whiteout-missing', [lower, tar(whiteout('d/nothing'), whiteout('no/such'))], { ...kept, no: folder }),
  unpacks('whiteout-in-base-layer', [tar(file('a', 'x'), whiteout('b'), opaque('c'))], { a: 'x', c: folder }),
  unpacks('whiteout-is-dir', [lower, tar(dir('d/.wh.sub/'))], { d: folder, 'd/a': a, 'd/.hidden': hidden }),
  unpacks(
    'aufs-metadata',
    [
      tar(
        file('.wh..wh.aufs'),
        dir('.wh..wh.orph/'),
        dir('.wh..wh.plnk/'),
        file('.wh..wh.plnk/12.34', 'x'),
        file('a', 'x'),
      ),
    ],
    { a: 'x' },
  ),
  refuses('whiteout-prefix-dir', 'ERR_PODRUN_LAYER_MALFORMED', [lower, tar(file('.wh.d/a', 'x'))]),
  ...Object.entries({
    'whiteout-parent': '.wh...',
    'whiteout-self': '.wh..',
    'whiteout-empty': '.wh.',
    'whiteout-parent-in-dir': 'd/.wh...',
    'whiteout-self-in-dir': 'd/.wh..',
  }).map(([name, path]) => refuses(name, 'ERR_PODRUN_LAYER_MALFORMED', [lower, tar(file(path))])),
];

/** A whiteout hides what is below; what the same layer has stays, before it or after it. */
const orderCases: readonly UnpackCase[] = [
  unpacks(
    'whiteout-then-new',
    [lower, tar(whiteout('d/sub'), dir('d/sub/'), file('d/sub/new', 'n'), whiteout('d/a'), file('d/a', 'n'))],
    {
      d: folder,
      'd/.hidden': hidden,
      'd/sub': folder,
      'd/sub/new': 'n',
      'd/a': 'n',
    },
  ),
  unpacks('whiteout-then-new-implied', [lower, tar(whiteout('d'), file('d/sub/new', 'n'))], {
    d: folder,
    'd/sub': folder,
    'd/sub/new': 'n',
  }),
  unpacks(
    'new-then-whiteout',
    [lower, tar(dir('d/sub/'), file('d/sub/new', 'n'), whiteout('d/sub'), file('d/a', 'n'), whiteout('d/a'))],
    {
      d: folder,
      'd/.hidden': hidden,
      'd/sub': folder,
      'd/sub/new': 'n',
      'd/a': 'n',
    },
  ),
  unpacks(
    'whiteout-file-then-dir',
    [tar(dir('p/'), file('p/old', 'x')), tar(file('p', 'f'), whiteout('p'), dir('p/'))],
    {
      p: folder,
    },
  ),
  unpacks('opaque', [lower, tar(dir('d/'), opaque('d'), file('d/new', 'n'))], { d: folder, 'd/new': 'n' }),
  unpacks(
    'opaque-after-content',
    [lower, tar(dir('d/'), file('d/new', 'n'), dir('d/sub/'), file('d/sub/c', 'n'), opaque('d'))],
    {
      d: folder,
      'd/new': 'n',
      'd/sub': folder,
      'd/sub/c': 'n',
    },
  ),
  unpacks('opaque-no-dir-entry', [lower, tar(opaque('d'))], { d: folder }),
  // overlayfs reads no opaque mark on the root of a layer: what is below stays in sight.
  unpacks('opaque-root', [tar(file('a', 'x')), tar(opaque(''), file('b', 'y'))], { a: 'x', b: 'y' }),
];

const linkCases: readonly UnpackCase[] = [
  unpacks('whiteout-symlink', [tar(file('t', 'x'), symlink('l', 't')), tar(whiteout('l'))], { t: 'x' }),
  unpacks(
    'whiteout-through-symlink',
    [tar(dir('real/'), file('real/a', 'x'), symlink('l', 'real')), tar(whiteout('l/a'))],
    {
      real: folder,
      'real/a': 'x',
      l: folder,
    },
  ),
  unpacks('whiteout-out-through-symlink', (outside) => [tar(symlink('l', outside)), tar(whiteout('l/file'))], {
    l: folder,
  }),
  refuses('whiteout-dotdot-path', 'ERR_PODRUN_LAYER_UNSAFE_PATH', (outside) => [
    tar(whiteout(`${up}${outside.slice(1)}/file`)),
  ]),
  unpacks('opaque-through-symlink-out', (outside) => [tar(symlink('l', outside)), tar(opaque('l'))], { l: folder }),
];

/** What overlayfs itself would read as a whiteout or as opaque, coming from the archive. */
const overlayCases: readonly UnpackCase[] = [
  // No container could ever see such a device through an overlay: it hides, there as here.
  unpacks('overlay-chardev-in-tar', [lower, tar(dir('d/'), member({ name: 'd/a', type: '3', major: 0, minor: 0 }))], {
    d: folder,
    'd/.hidden': hidden,
    'd/sub': sub,
    'd/sub/b': b,
  }),
  unpacks(
    'overlay-opaque-xattr-in-tar',
    [
      lower,
      tar(pax({ 'SCHILY.xattr.trusted.overlay.opaque': 'y', 'SCHILY.xattr.user.overlay.opaque': 'y' }), dir('d/')),
    ],
    kept,
  ),
];

export const whiteoutCases: readonly UnpackCase[] = [...plainCases, ...orderCases, ...linkCases, ...overlayCases];
