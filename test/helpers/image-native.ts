/** The addon's image functions, from the build in the tree. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { ImageNative } from '../../src/images/store/native-part.js';
import { addonBinary } from '../../src/paths.js';

const candidates = (process.env['PODRUN_TEST_ADDON'] ?? addonBinary).split(':').filter((file) => existsSync(file));

/** For `{ skip }`: the reason, or false when there is an addon. */
export const skipWithoutAddon = candidates.length === 0 && `needs the addon: ${addonBinary}`;

export function imageNative(): ImageNative {
  const require = createRequire(import.meta.url);
  return Object.assign({}, ...candidates.map((file) => require(file)));
}
