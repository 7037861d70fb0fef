import { dir, file, symlink, tar } from '../../helpers/tar-builder.js';
import { refuses, type UnpackCase, unpacks } from './case.js';

const up = '../'.repeat(10);

/** Names that climb, or that have no place in the image. */
export const climbCases: readonly UnpackCase[] = [
  refuses('name-dotdot', 'ERR_PODRUN_LAYER_UNSAFE_PATH', (outside) => [tar(file(`${up}${outside.slice(1)}/new`, 'x'))]),
  refuses('name-slash-dotdot', 'ERR_PODRUN_LAYER_UNSAFE_PATH', (outside) => [
    tar(file(`/${up}${outside.slice(1)}/new`, 'x')),
  ]),
  refuses('name-inner-dotdot', 'ERR_PODRUN_LAYER_UNSAFE_PATH', (outside) => [
    tar(dir('dir/'), file(`dir/${up}${outside.slice(1)}/new`, 'x')),
  ]),
  refuses('name-dot-garbage', 'ERR_PODRUN_LAYER_UNSAFE_PATH', (outside) => [
    tar(file(`/./.././.././../../../../../../../..${outside}/new`, 'x')),
  ]),
  unpacks('name-dotdot-inside', [tar(dir('a/'), dir('a/b/'), file('a/b/../c', 'x'))], {
    a: { type: 'dir' },
    'a/b': { type: 'dir' },
    'a/c': 'x',
  }),
  unpacks('name-absolute', [tar(file('/etc/absolute', 'x'))], { etc: { type: 'dir' }, 'etc/absolute': 'x' }),
  refuses('name-only-dotdot', 'ERR_PODRUN_LAYER_UNSAFE_PATH', [tar(file('..', 'x'))]),
  refuses('symlink-named-dotdot', 'ERR_PODRUN_LAYER_UNSAFE_PATH', (outside) => [tar(symlink('..', outside))]),
  refuses('empty-name', 'ERR_PODRUN_LAYER_MALFORMED', [tar(file('', 'x'))]),
  refuses('root-as-file', 'ERR_PODRUN_LAYER_UNSAFE_PATH', [tar(file('.', 'x'))]),
  refuses('root-as-symlink', 'ERR_PODRUN_LAYER_UNSAFE_PATH', (outside) => [tar(symlink('./', outside))]),
  unpacks('root-dir-mode', [tar(dir('./', { mode: 0o711, mtime: 1_600_000_000 }), file('./a', 'x'))], {
    '': { type: 'dir', mode: 0o711, mtimeNs: 1_600_000_000_000_000_000n },
    a: 'x',
  }),
];
