import { dir, file, hardLink, header, member, pax, seal, symlink, tar, whiteout } from '../../helpers/tar-builder.js';
import { type Expected, folder, link, refuses, type UnpackCase, unpacks } from './case.js';

const ownerCases: readonly UnpackCase[] = [
  unpacks('implied-parents', [tar(file('a/b/c', 'x', { uid: 7 }))], {
    a: { type: 'dir', mode: 0o755, uid: 0, gid: 0 },
    'a/b': { type: 'dir', mode: 0o755, uid: 0, gid: 0 },
    'a/b/c': { type: 'file', content: 'x', uid: 7 },
  }),
  unpacks(
    'explicit-dir-modes',
    [tar(dir('a/', { mode: 0o700, uid: 1000, gid: 1001 }), dir('a/b/', { mode: 0o000 }), file('a/b/c', 'x'))],
    {
      a: { type: 'dir', mode: 0o700, uid: 1000, gid: 1001 },
      'a/b': { type: 'dir', mode: 0o000 },
      'a/b/c': 'x',
    },
  ),
  unpacks(
    'umask-ignored',
    [tar(dir('d/', { mode: 0o777 }), file('d/a', 'x', { mode: 0o666 }), member({ name: 'p', type: '6', mode: 0o622 }))],
    {
      d: { type: 'dir', mode: 0o777 },
      'd/a': { type: 'file', mode: 0o666 },
      p: { type: 'fifo', mode: 0o622 },
    },
    { umask: 0o077 },
  ),
  unpacks(
    'setuid-sticky',
    [
      tar(
        file('suid', 'x', { mode: 0o4755, uid: 1000, gid: 1000 }),
        file('sgid', 'x', { mode: 0o2755, uid: 1000, gid: 1000 }),
        dir('tmp/', { mode: 0o1777 }),
        dir('mail/', { mode: 0o2775, gid: 8 }),
        file('mail/a', 'x', { gid: 9 }),
      ),
    ],
    {
      suid: { type: 'file', mode: 0o4755, uid: 1000 },
      sgid: { type: 'file', mode: 0o2755, gid: 1000 },
      tmp: { type: 'dir', mode: 0o1777 },
      mail: { type: 'dir', mode: 0o2775, gid: 8 },
      'mail/a': { type: 'file', gid: 9 },
    },
  ),
  unpacks(
    'big-ids',
    [
      tar(
        file('binary', 'x', { uid: 4_000_000_000, gid: 3_000_000_000 }),
        pax({ uid: '4000000001', gid: '3000000001' }),
        file('pax', 'x'),
      ),
    ],
    {
      binary: { type: 'file', uid: 4_000_000_000, gid: 3_000_000_000 },
      pax: { type: 'file', uid: 4_000_000_001, gid: 3_000_000_001 },
    },
  ),
  // (uid_t)-1 means "as it is" to chown(2): the file would end up root's.
  refuses('id-minus-one', 'ERR_PODRUN_LAYER_MALFORMED', [tar(file('a', 'x', { uid: 4_294_967_295 }))]),
  refuses('id-past-32-bits', 'ERR_PODRUN_LAYER_MALFORMED', [tar(pax({ uid: '4294967296' }), file('a', 'x'))]),
  unpacks('names-in-header-ignored', [tar(file('a', 'x', { uid: 12345, gid: 54321, userName: 'daemon' }))], {
    a: { type: 'file', uid: 12345, gid: 54321 },
  }),
];

const replacingCases: readonly UnpackCase[] = [
  unpacks('file-over-dir', [tar(dir('a/'), file('a/b', 'x')), tar(file('a', 'y'))], { a: 'y' }),
  unpacks('file-over-dir-same-layer', [tar(dir('a/'), dir('a/b/'), file('a/b/c', 'x'), file('a', 'y'))], { a: 'y' }),
  unpacks('dir-over-file', [tar(file('a', 'x')), tar(dir('a/'), file('a/b', 'y'))], { a: folder, 'a/b': 'y' }),
  refuses('file-under-file', 'ERR_PODRUN_LAYER_MALFORMED', [tar(file('a', 'x'), file('a/b', 'y'))]),
  unpacks('duplicate-file', [tar(file('a', 'first', { mode: 0o600 }), file('a', '2nd', { mode: 0o644 }))], {
    a: { type: 'file', content: '2nd', mode: 0o644, size: 3 },
  }),
  unpacks('duplicate-file-hardlinked', [tar(file('a', 'old'), hardLink('b', 'a'), file('a', 'new'))], {
    a: 'new',
    b: { type: 'file', content: 'old', links: 1 },
  }),
  unpacks(
    'duplicate-all-types',
    [tar(symlink('a', 't'), dir('a/'), member({ name: 'a', type: '6' }), symlink('a', 'u'))],
    {
      a: link('u'),
    },
  ),
  unpacks(
    'dir-twice-keeps-content',
    [tar(dir('d/', { mode: 0o700, mtime: 1000 }), file('d/a', 'x'), dir('d/', { mode: 0o711, mtime: 2000 }))],
    { d: { type: 'dir', mode: 0o711, mtimeNs: 2_000_000_000_000n }, 'd/a': 'x' },
  ),
  unpacks(
    'upper-dir-keeps-lower-content',
    [tar(dir('d/', { mode: 0o755 }), file('d/a', 'x')), tar(dir('d/', { mode: 0o750, uid: 5 }))],
    { d: { type: 'dir', mode: 0o750, uid: 5 }, 'd/a': 'x' },
  ),
  unpacks('dir-replaced-forgets-mode', [tar(dir('d/', { mode: 0o700 }), dir('d/e/'), file('d', 'x'), whiteout('z'))], {
    d: { type: 'file', mode: 0o644 },
  }),
];

const timeCases: readonly UnpackCase[] = [
  unpacks(
    'mtime-kept',
    [
      tar(
        dir('d/', { mtime: 1_111_111_111 }),
        file('d/a', 'x', { mtime: 1_222_222_222 }),
        symlink('d/l', 'a', { mtime: 1_333_333_333 }),
        pax({ mtime: '1444444444.123456789123' }),
        file('d/b', 'x'),
      ),
    ],
    {
      d: { type: 'dir', mtimeNs: 1_111_111_111_000_000_000n },
      'd/a': { type: 'file', mtimeNs: 1_222_222_222_000_000_000n },
      'd/l': { type: 'symlink', target: 'a', mtimeNs: 1_333_333_333_000_000_000n },
      'd/b': { type: 'file', mtimeNs: 1_444_444_444_123_456_789n },
    },
  ),
  unpacks(
    'mtime-extremes',
    [
      tar(
        pax({ mtime: '-1.5' }),
        file('old', 'x'),
        file('new', 'x', { mtime: 4_294_967_396 }),
        file('binary', 'x', { mtime: -7 }),
      ),
    ],
    {
      old: { type: 'file', mtimeNs: -1_500_000_000n },
      new: { type: 'file', mtimeNs: 4_294_967_396_000_000_000n },
      binary: { type: 'file', mtimeNs: -7_000_000_000n },
    },
  ),
];

const devices: Readonly<Record<string, Expected>> = {
  null: { type: 'char', device: [1, 3], mode: 0o666 },
  loop: { type: 'block', device: [7, 300], mode: 0o660, gid: 6 },
  pipe: { type: 'fifo', mode: 0o600 },
};

const typeCases: readonly UnpackCase[] = [
  unpacks(
    'device-nodes',
    [
      tar(
        member({ name: 'null', type: '3', major: 1, minor: 3, mode: 0o666 }),
        member({ name: 'loop', type: '4', major: 7, minor: 300, mode: 0o660, gid: 6 }),
        member({ name: 'pipe', type: '6', mode: 0o600 }),
      ),
    ],
    devices,
  ),
  refuses('device-number-overflow', 'ERR_PODRUN_LAYER_UNSUPPORTED', [
    tar(member({ name: 'a', type: '3', major: 2 ** 33, minor: 1 })),
  ]),
  refuses('device-number-overflow-minor', 'ERR_PODRUN_LAYER_UNSUPPORTED', [
    tar(member({ name: 'a', type: '3', major: 1, minor: 2 ** 20 })),
  ]),
  refuses('unknown-type', 'ERR_PODRUN_LAYER_UNSUPPORTED', [tar(member({ name: 'a', type: 'Z' }))]),
  refuses('multivolume-type', 'ERR_PODRUN_LAYER_UNSUPPORTED', [tar(member({ name: 'a', type: 'M' }))]),
  unpacks('socket-name', [tar(file('a.sock'))], { 'a.sock': { type: 'file', size: 0 } }),
  unpacks('contiguous-file', [tar(member({ name: 'a', type: '7', data: 'x' }))], { a: 'x' }),
  unpacks('old-v7-file', [tar(member({ name: 'a', type: '\0', data: 'x', format: 'v7' }))], { a: 'x' }),
  unpacks('v7-dir-by-slash', [tar(member({ name: 'a/', type: '\0', format: 'v7', mode: 0o700 }), file('a/b', 'x'))], {
    a: { type: 'dir', mode: 0o700 },
    'a/b': 'x',
  }),
  refuses('v7-dir-with-data', 'ERR_PODRUN_LAYER_MALFORMED', [
    tar(member({ name: 'a/', type: '\0', format: 'v7', data: 'x' })),
  ]),
  unpacks('signed-checksum', [tar(signedChecksum())], { é: { type: 'file', size: 0 } }),
];

/** As very old tars summed it: bytes past 127 count as negative. */
function signedChecksum(): Buffer {
  const block = header({ name: 'é' });
  const high = block.filter((byte) => byte > 127).length;
  return seal(block, -256 * high);
}

export const typesCases: readonly UnpackCase[] = [...ownerCases, ...replacingCases, ...timeCases, ...typeCases];
