import type { Native } from '../../native.js';

/** What the image store asks of the kernel. */
export type ImageNative = Pick<Native, 'lock' | 'unpackLayer' | 'syncFilesystem' | 'removeTree'>;
