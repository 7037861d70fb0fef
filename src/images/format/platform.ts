import { PodrunError } from '../../errors.js';
import { type Platform, platformMatches, platformText } from './descriptor.js';
import type { ImageIndex, IndexEntry } from './manifest.js';

/**
 * The entry of an index for `wanted`. One without a platform counts only when none names it: layouts made by hand
 * often have a single such entry, and the config still has to agree.
 * @throws ERR_PODRUN_IMAGE_PLATFORM naming what there is
 */
export function choosePlatform(image: string, index: ImageIndex, wanted: Platform): IndexEntry {
  const named = index.manifests.find(({ platform }) => platform && platformMatches(platform, wanted));
  const chosen = named ?? index.manifests.find(({ platform }) => platform === undefined);
  if (chosen) return chosen;
  const offered = index.manifests.flatMap(({ platform }) =>
    platform && platform.os !== 'unknown' ? platformText(platform) : [],
  );
  throw wrongPlatform(image, wanted, offered);
}

export function wrongPlatform(image: string, wanted: Platform, offered: readonly string[]): PodrunError {
  const list = [...new Set(offered)].join(', ') || 'nothing that runs';
  return new PodrunError(
    'ERR_PODRUN_IMAGE_PLATFORM',
    `image ${image} is not made for ${platformText(wanted)}: it has ${list}`,
    { image },
  );
}
