import {
  dir,
  endBlocks,
  file,
  gnuLong,
  latin1,
  member,
  pax,
  paxRecord,
  symlink,
  tar,
} from '../../helpers/tar-builder.js';
import { folder, foldersTo, refuses, type UnpackCase, unpacks } from './case.js';

const up = '../'.repeat(10);
const longName = `${'long-directory-name/'.repeat(40)}file-end`;
const parents = foldersTo(longName.replace(/\/[^/]*$/, ''));
/** VFS_CAP_REVISION_2, effective, CAP_NET_BIND_SERVICE. */
const capability = latin1('\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00');

const nameCases: readonly UnpackCase[] = [
  unpacks('pax-long-name', [tar(pax({ path: longName }), file('cut', 'x'))], { ...parents, [longName]: 'x' }),
  unpacks('pax-utf8-name', [tar(pax({ path: 'grüße/日本語' }), file('cut', 'x'))], {
    grüße: folder,
    'grüße/日本語': 'x',
  }),
  unpacks('pax-applies-once', [tar(pax({ path: 'one', size: '1' }), file('a', 'x'), file('b', 'yy'))], {
    one: 'x',
    b: 'yy',
  }),
  unpacks('pax-over-gnu-long-name', [tar(pax({ size: '2' }), gnuLong('L', longName), file('cut', 'xy'))], {
    ...parents,
    [longName]: 'xy',
  }),
  refuses('pax-against-gnu-long-name', 'ERR_PODRUN_LAYER_MALFORMED', [
    tar(pax({ path: 'one' }), gnuLong('L', 'two'), file('cut', 'x')),
  ]),
  refuses('pax-twice', 'ERR_PODRUN_LAYER_MALFORMED', [tar(pax({ path: 'one' }), pax({ uid: '1' }), file('a', 'x'))]),
  unpacks('non-utf8-name', [tar(file(latin1('gr\xfc\xdfe'), 'x'))], { 'gr\udcfc\udcdfe': 'x' }),
  unpacks('gnu-long-name', [tar(gnuLong('L', longName), file('cut', 'x', { format: 'gnu' }))], {
    ...parents,
    [longName]: 'x',
  }),
  unpacks('ustar-prefix', [tar(file('name', 'x', { prefix: 'some/prefix' }))], {
    ...foldersTo('some/prefix'),
    'some/prefix/name': 'x',
  }),
  unpacks('gnu-has-no-prefix', [tar(file('name', 'x', { prefix: 'some/prefix', format: 'gnu' }))], { name: 'x' }),
  refuses('pax-escape-name', 'ERR_PODRUN_LAYER_UNSAFE_PATH', (outside) => [
    tar(pax({ path: `${up}${outside.slice(1)}/new` }), file('harmless', 'x')),
  ]),
  refuses('pax-escape-linkpath', 'ERR_PODRUN_LAYER_UNSAFE_PATH', (outside) => [
    tar(pax({ linkpath: `${up}${outside.slice(1)}/file` }), member({ name: 'a', type: '1', link: 'harmless' })),
  ]),
  refuses('pax-nul-in-path', 'ERR_PODRUN_LAYER_MALFORMED', [tar(pax({ path: 'a\0b' }), file('a', 'x'))]),
  refuses('name-too-long', 'ERR_PODRUN_LAYER_LIMIT', [tar(pax({ path: `${'a/'.repeat(2100)}b` }), file('a', 'x'))]),
  refuses('component-too-long', 'ERR_PODRUN_LAYER_LIMIT', [tar(pax({ path: 'a'.repeat(256) }), file('a', 'x'))]),
  refuses('pax-too-long', 'ERR_PODRUN_LAYER_LIMIT', [tar(pax({ comment: 'x'.repeat(1 << 20) }), file('a', 'x'))]),
];

const numberCases: readonly UnpackCase[] = [
  unpacks('pax-size', [tar(pax({ size: '5' }), file('a', 'hello', { size: 0 }), file('b', 'x'))], {
    a: 'hello',
    b: 'x',
  }),
  unpacks('pax-global-header', [tar(pax({ comment: 'a commit' }, 'g'), file('a', 'x'))], { a: 'x' }),
  refuses('pax-global-path', 'ERR_PODRUN_LAYER_UNSUPPORTED', [tar(pax({ path: 'b' }, 'g'), file('a', 'x'))]),
  refuses('pax-bad-length', 'ERR_PODRUN_LAYER_MALFORMED', [
    tar(member({ name: 'x', type: 'x', data: '99 path=a\n' }), file('a', 'x')),
  ]),
  refuses('pax-length-wraps', 'ERR_PODRUN_LAYER_MALFORMED', [
    tar(member({ name: 'x', type: 'x', data: '18446744073709551620 path=a\n' }), file('a', 'x')),
  ]),
  refuses('pax-negative-size', 'ERR_PODRUN_LAYER_MALFORMED', [tar(pax({ size: '-1' }), file('a', 'x'))]),
  refuses('bad-checksum', 'ERR_PODRUN_LAYER_MALFORMED', [tar(file('a', 'x'), file('b', 'x', { badChecksum: true }))]),
  refuses('huge-size-field', 'ERR_PODRUN_LAYER_LIMIT', [tar(file('a', 'x', { size: 2n ** 62n }))]),
  refuses('negative-size', 'ERR_PODRUN_LAYER_MALFORMED', [tar(file('a', 'x', { size: -1 }))]),
  refuses('size-past-64-bits', 'ERR_PODRUN_LAYER_MALFORMED', [tar(file('a', 'x', { size: 2n ** 64n + 1n }))]),
];

const endCases: readonly UnpackCase[] = [
  refuses('truncated-file', 'ERR_PODRUN_LAYER_TRUNCATED', [file('a', 'x'.repeat(2000)).subarray(0, 1024)]),
  refuses('truncated-header', 'ERR_PODRUN_LAYER_TRUNCATED', [
    Buffer.concat([file('a', 'x'), file('b', 'x').subarray(0, 200)]),
  ]),
  refuses('truncated-pax', 'ERR_PODRUN_LAYER_TRUNCATED', [Buffer.concat([file('a', 'x'), pax({ path: 'b' })])]),
  unpacks('no-end-blocks', [file('a', 'x')], { a: 'x' }),
  unpacks('no-last-padding', [file('a', 'xyz').subarray(0, 515)], { a: 'xyz' }),
  unpacks('junk-after-end', [Buffer.concat([tar(file('a', 'x')), Buffer.from('junk'), file('b', 'y')])], { a: 'x' }),
  refuses('single-zero-block', 'ERR_PODRUN_LAYER_MALFORMED', [
    Buffer.concat([file('a', 'x'), endBlocks.subarray(512), tar(file('b', 'y'))]),
  ]),
  unpacks('empty-layer', [endBlocks], {}),
];

const xattrCases: readonly UnpackCase[] = [
  unpacks(
    'xattr-user',
    [
      tar(
        pax({ 'SCHILY.xattr.user.bytes': latin1('a\0\n\xff='), 'SCHILY.xattr.user.empty': '' }),
        file('a', 'x'),
        pax({ 'LIBARCHIVE.xattr.user.per%25cent': 'aGVsbG8' }),
        dir('d/'),
        file('b', 'x'),
      ),
    ],
    {
      a: { type: 'file', xattrs: { 'user.bytes': 'a\0\n\xff=', 'user.empty': '' } },
      d: { type: 'dir', xattrs: { 'user.per%cent': 'hello' } },
      b: { type: 'file', xattrs: { 'user.bytes': null, 'user.per%cent': null } },
    },
    { needsXattr: 'user' },
  ),
  // User attributes are for files and directories only (xattr(7)).
  unpacks('xattr-user-on-link', [tar(pax({ 'SCHILY.xattr.user.a': 'x' }), symlink('l', 't'))], {
    l: { type: 'symlink', target: 't', xattrs: { 'user.a': null } },
  }),
  unpacks(
    'xattr-capability',
    [tar(pax({ 'SCHILY.xattr.security.capability': capability }), file('a', 'x', { uid: 1000, mode: 0o755 }))],
    { a: { type: 'file', uid: 1000, mode: 0o755, xattrs: { 'security.capability': capability.toString('latin1') } } },
  ),
  unpacks(
    'xattr-selinux',
    [tar(pax({ 'SCHILY.xattr.security.selinux': 'system_u:object_r:a_t:s0\0' }), file('a', 'x'))],
    {
      a: 'x',
    },
  ),
  unpacks(
    'xattr-trusted-overlay',
    [
      tar(
        pax({ 'SCHILY.xattr.trusted.overlay.redirect': '/etc', 'SCHILY.xattr.trusted.kept': 'x' }),
        dir('d/'),
        pax({ 'SCHILY.xattr.trusted.overlay.metacopy': '', 'SCHILY.xattr.user.overlay.origin': 'x' }),
        file('d/a', 'x'),
      ),
    ],
    {
      d: { type: 'dir', xattrs: { 'trusted.overlay.redirect': null, 'trusted.kept': 'x' } },
      'd/a': { type: 'file', content: 'x', xattrs: { 'trusted.overlay.metacopy': null, 'user.overlay.origin': null } },
    },
  ),
  refuses('xattr-too-long', 'ERR_PODRUN_LAYER_LIMIT', [
    tar(pax({ 'SCHILY.xattr.user.a': 'x'.repeat(65537) }), file('a', 'x')),
  ]),
];

const sparseContent = `abcd${'\0'.repeat(8188)}wxyz`;
const sparseExpected = { type: 'file', content: sparseContent, size: 8196 } as const;

/** GNU tar's sparse files: 8196 bytes, of which the first four and the last four are stored. */
const sparseCases: readonly UnpackCase[] = [
  unpacks(
    'sparse-pax-1.0',
    [
      tar(
        pax({
          'GNU.sparse.major': '1',
          'GNU.sparse.minor': '0',
          'GNU.sparse.name': 'sparse',
          'GNU.sparse.realsize': '8196',
        }),
        file(
          'GNUSparseFile.1/sparse',
          Buffer.concat([Buffer.from('2\n0\n4\n8192\n4\n'.padEnd(512, '\0')), Buffer.from('abcdwxyz')]),
        ),
        file('b', 'x'),
      ),
    ],
    { sparse: sparseExpected, b: 'x' },
  ),
  unpacks(
    'sparse-pax-0.1',
    [
      tar(
        pax({ 'GNU.sparse.size': '8196', 'GNU.sparse.numblocks': '2', 'GNU.sparse.map': '0,4,8192,4' }),
        file('sparse', 'abcdwxyz'),
      ),
    ],
    { sparse: sparseExpected },
  ),
  unpacks('sparse-pax-0.0', [tar(sparsePax00(), file('sparse', 'abcdwxyz'))], { sparse: sparseExpected }),
  unpacks(
    'sparse-trailing-hole',
    [tar(pax({ 'GNU.sparse.size': '4096', 'GNU.sparse.map': '0,4,4096,0' }), file('a', 'abcd'))],
    {
      a: { type: 'file', size: 4096, content: `abcd${'\0'.repeat(4092)}` },
    },
  ),
  ...Object.entries({
    overlap: '0,4,2,4',
    beyond: '0,4,8194,4',
    'too-much': '0,4,8000,5',
    negative: '0,4,-1,4',
    odd: '0,4,5',
  }).map(([name, map]) =>
    refuses(`sparse-map-${name}`, 'ERR_PODRUN_LAYER_MALFORMED', [
      tar(pax({ 'GNU.sparse.size': '8196', 'GNU.sparse.map': map }), file('a', 'abcdwxyz')),
    ]),
  ),
];

/** The oldest form repeats its keys. */
function sparsePax00(): Buffer {
  const records = [
    ['GNU.sparse.size', '8196'],
    ['GNU.sparse.numblocks', '2'],
    ['GNU.sparse.offset', '0'],
    ['GNU.sparse.numbytes', '4'],
    ['GNU.sparse.offset', '8192'],
    ['GNU.sparse.numbytes', '4'],
  ] as const;
  return member({ name: 'x', type: 'x', data: Buffer.concat(records.map(([key, value]) => paxRecord(key, value))) });
}

export const formatCases: readonly UnpackCase[] = [
  ...nameCases,
  ...numberCases,
  ...endCases,
  ...xattrCases,
  ...sparseCases,
];
