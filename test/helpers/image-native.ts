import { existsSync } from 'node:fs';
import { type Native, native } from '../../src/native.js';
import { addonBinary } from '../../src/paths.js';

/** For `{ skip }`: the reason, or false when the addon was built. */
export const skipWithoutAddon = !existsSync(addonBinary) && `needs the addon, ${addonBinary}`;

/** The addon, as the store uses it. */
export function imageNative(): Native {
  return native();
}
