import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { PodrunError } from '../errors.js';

const maxBytes = 1 << 20;

/**
 * Text of /etc/passwd or /etc/group as the image's layers show it, or "" when there is none. Read from the layers on the
 * host, which nobody but us can write to, never through a link, and only from a regular file of sane size: what an image
 * puts there instead (FIFO, device, link, a sparse giant) must not hang or feed podrun.
 * @param lowerdirs  unpacked layers, topmost first
 * @throws ERR_PODRUN_IMAGE_CONFIG for anything but a regular file of at most 1 MiB
 */
export function readImageFile(lowerdirs: readonly string[], name: 'passwd' | 'group'): string {
  for (const layer of lowerdirs) {
    const etc = lstatSync(join(layer, 'etc'), { throwIfNoEntry: false });
    if (!etc) continue;
    if (!etc.isDirectory()) return '';
    const path = join(layer, 'etc', name);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (!found) continue;
    // overlayfs's whiteout: a 0:0 character device hides the file of the layers below.
    if (found.isCharacterDevice() && found.rdev === 0) return '';
    if (!found.isFile())
      throw new PodrunError('ERR_PODRUN_IMAGE_CONFIG', `/etc/${name} of the image is not a regular file`);
    return readCapped(path, name);
  }
  return '';
}

function readCapped(path: string, name: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size } = fstatSync(fd);
    if (size > maxBytes) {
      throw new PodrunError(
        'ERR_PODRUN_IMAGE_CONFIG',
        `/etc/${name} of the image has ${size} bytes; at most ${maxBytes} are read`,
      );
    }
    const buffer = Buffer.alloc(size);
    const read = readSync(fd, buffer, 0, size, 0);
    return buffer.toString('utf8', 0, read);
  } finally {
    closeSync(fd);
  }
}
