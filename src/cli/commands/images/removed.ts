import type { Removed } from '../../../images/manage/types.js';
import { formatBytes } from '../../output/progress.js';

/** What a removal has freed, for people. */
export function describeRemoved({ layers, blobs, freedBytes, deferred }: Removed): string {
  if (deferred) return 'podrun: the store is in use by a pull: `podrun prune` frees the space later\n';
  return `podrun: freed ${formatBytes(freedBytes)} (${layers} layers, ${blobs} blobs)\n`;
}
