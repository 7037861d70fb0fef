import { dir, file, hardLink, symlink, tar, whiteout } from '../../helpers/tar-builder.js';
import { folder, link, refuses, type UnpackCase, unpacks } from './case.js';

const up = '../'.repeat(10);
const passwd = [dir('etc/'), file('etc/passwd', 'x')];
const same = { type: 'file', content: 'x', links: 2, same: 'etc/passwd' } as const;

export const hardLinkCases: readonly UnpackCase[] = [
  refuses('hardlink-dotdot', 'ERR_PODRUN_LAYER_UNSAFE_PATH', (outside) => [
    tar(hardLink('a', `${up}${outside.slice(1)}/file`)),
  ]),
  refuses('hardlink-slash-dotdot', 'ERR_PODRUN_LAYER_UNSAFE_PATH', (outside) => [
    tar(hardLink('a', `/${up}${outside.slice(1)}/file`)),
  ]),
  refuses('hardlink-abs-outside', 'ERR_PODRUN_LAYER_MALFORMED', (outside) => [tar(hardLink('a', `${outside}/file`))]),
  refuses('hardlink-to-outside-dir', 'ERR_PODRUN_LAYER_MALFORMED', (outside) => [
    tar(hardLink('a', outside), file('a/new', 'x')),
  ]),
  refuses('hardlink-through-symlink-out', 'ERR_PODRUN_LAYER_MALFORMED', (outside) => [
    tar(symlink('out', outside), hardLink('a', 'out/file')),
  ]),
  unpacks('hardlink-through-symlink-in', [tar(...passwd, symlink('up', up), hardLink('a', 'up/etc/passwd'))], {
    etc: folder,
    'etc/passwd': 'x',
    up: link(up),
    a: same,
  }),
  unpacks('hardlink-absolute-inside', [tar(...passwd, hardLink('a', '/etc/passwd'))], {
    etc: folder,
    'etc/passwd': 'x',
    a: same,
  }),
  refuses('hardlink-dotdot-inside', 'ERR_PODRUN_LAYER_UNSAFE_PATH', [
    tar(...passwd, dir('d/'), hardLink('d/a', '../../etc/passwd')),
  ]),
  refuses('hardlink-across-layers', 'ERR_PODRUN_LAYER_MALFORMED', [tar(...passwd), tar(hardLink('a', 'etc/passwd'))]),
  unpacks('hardlink-same-layer', [tar(file('a', 'x'), hardLink('b', 'a'), hardLink('c', 'b'))], {
    a: { type: 'file', content: 'x', links: 3 },
    b: { type: 'file', same: 'a' },
    c: { type: 'file', same: 'a' },
  }),
  unpacks('hardlink-to-symlink', [tar(file('t', 'x'), symlink('a', 't'), hardLink('b', 'a'))], {
    t: { type: 'file', links: 1 },
    a: { type: 'symlink', target: 't', links: 2 },
    b: { type: 'symlink', target: 't', same: 'a' },
  }),
  unpacks('hardlink-before-target', [tar(hardLink('a', 'b'), hardLink('b', 'd/c'), file('d/c', 'x'))], {
    d: folder,
    'd/c': { type: 'file', content: 'x', links: 3 },
    a: { type: 'file', same: 'd/c' },
    b: { type: 'file', same: 'd/c' },
  }),
  unpacks('hardlink-before-target-then-file', [tar(hardLink('a', 'b'), file('a', 'own'), file('b', 'x'))], {
    a: 'own',
    b: 'x',
  }),
  refuses('hardlink-missing-target', 'ERR_PODRUN_LAYER_MALFORMED', [tar(hardLink('a', 'nowhere'))]),
  refuses('hardlink-to-whiteout', 'ERR_PODRUN_LAYER_MALFORMED', [
    tar(file('a', 'x')),
    tar(whiteout('a'), hardLink('b', 'a')),
  ]),
  refuses('hardlink-circle', 'ERR_PODRUN_LAYER_MALFORMED', [tar(hardLink('a', 'b'), hardLink('b', 'a'))]),
  unpacks(
    'hardlink-owner-not-applied',
    [
      tar(
        file('a', 'x', { mode: 0o640, uid: 7, gid: 8, mtime: 1000 }),
        hardLink('b', 'a', { mode: 0o777, uid: 9, gid: 9, mtime: 2000 }),
      ),
    ],
    {
      a: { type: 'file', content: 'x', mode: 0o640, uid: 7, gid: 8, mtimeNs: 1_000_000_000_000n },
      b: { type: 'file', same: 'a' },
    },
  ),
  unpacks('hardlink-to-itself', [tar(file('a', 'x'), hardLink('a', 'a'))], { a: 'x' }),
  refuses('hardlink-to-itself-alone', 'ERR_PODRUN_LAYER_MALFORMED', [tar(hardLink('a', 'a'))]),
  refuses('hardlink-to-dir', 'ERR_PODRUN_LAYER_MALFORMED', [tar(dir('d/'), hardLink('a', 'd'))]),
  refuses('hardlink-replaces-lower', 'ERR_PODRUN_LAYER_MALFORMED', [
    tar(file('a', 'x'), file('b', 'y')),
    tar(hardLink('a', 'b')),
  ]),
  unpacks('hardlink-replaces-same-layer', [tar(file('a', 'x'), file('b', 'y'), hardLink('a', 'b'))], {
    b: { type: 'file', content: 'y', links: 2 },
    a: { type: 'file', same: 'b' },
  }),
];
