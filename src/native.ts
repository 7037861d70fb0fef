import { createRequire } from 'node:module';
import { getSystemErrorName } from 'node:util';
import type * as Addon from '../native/addon/addon.js';
import { PodrunError } from './errors.js';
import { addonBinary } from './paths.js';

export type Native = typeof Addon;

let loaded: Native | undefined;

/** Adds `code` and a JavaScript stack to errors that crossed from C++ (they carry `errno` and `syscall`). */
function decorate(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const known = error as Error & { errno?: number; code?: string };
  if (known.code === undefined && typeof known.errno === 'number') known.code = getSystemErrorName(-known.errno);
  Error.captureStackTrace(known, decorate);
  return known;
}

function wrap<F extends (...args: never[]) => unknown>(fn: F): F {
  return ((...args: never[]) => {
    try {
      const result = fn(...args);
      if (result instanceof Promise) return result.catch((error) => Promise.reject(decorate(error)));
      return result;
    } catch (error) {
      throw decorate(error);
    }
  }) as F;
}

/**
 * The native addon, loaded on first use, so that importing podrun needs neither root nor a build.
 * @throws ERR_PODRUN_ADDON when there is no addon for this platform
 */
export function native(): Native {
  if (loaded) return loaded;
  let addon: Record<string, (...args: never[]) => unknown>;
  try {
    addon = createRequire(import.meta.url)(addonBinary);
  } catch (cause) {
    throw new PodrunError(
      'ERR_PODRUN_ADDON',
      `no native addon for ${process.platform}-${process.arch}: tried ${addonBinary}`,
      {
        hint: 'build it with `npx node-gyp rebuild` (needs g++ 12 or later, libseccomp-dev and rapidjson-dev)',
        cause,
      },
    );
  }
  loaded = Object.fromEntries(Object.entries(addon).map(([name, fn]) => [name, wrap(fn)])) as unknown as Native;
  return loaded;
}
