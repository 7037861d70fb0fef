import { native } from '../native.js';
import type { ImageNative } from './store/native-part.js';
import { Store } from './store/store.js';
import { removeStale } from './store/workspace.js';

/**
 * Removes what killed pulls left in the store at `root`; a pull does the same when it begins. Safe beside running pulls.
 * For recovery: when there is nothing it costs the reading of two directories.
 */
export async function sweepImageStore(root: string, surface: ImageNative = native()): Promise<void> {
  await removeStale(new Store(root), surface);
}
