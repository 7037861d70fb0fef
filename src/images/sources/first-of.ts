import { PodrunError } from '../../errors.js';
import type { ImageSource } from './source.js';

/** Content that is not what its digest says: more telling than "not found" from the next place. */
const integrity = new Set<string>(['ERR_PODRUN_BLOB_DIGEST', 'ERR_PODRUN_BLOB_SIZE', 'ERR_PODRUN_IMAGE_MANIFEST']);

/**
 * Asks one source after the other and returns the first answer, with the source that gave it.
 * @throws the only error, or one that names every source with its reason; its code is that of the registry itself, the last in the list
 */
export async function firstOf<T>(
  what: string,
  sources: readonly ImageSource[],
  ask: (source: ImageSource) => Promise<T>,
): Promise<{ readonly answer: T; readonly source: ImageSource }> {
  const failures: { source: ImageSource; error: PodrunError }[] = [];
  for (const source of sources) {
    try {
      return { answer: await ask(source), source };
    } catch (error) {
      // Anything else (a full disk, a cancelled pull, a bug) would not be better at the next source.
      if (!(error instanceof PodrunError) || !isFaultOfSource(error)) throw error;
      failures.push({ source, error });
    }
  }
  const last = failures.at(-1);
  if (!last)
    throw new PodrunError('ERR_PODRUN_IMAGE_NOT_FOUND', `cannot get ${what}: there is no place to get it from`);
  const worst = failures.find(({ error }) => integrity.has(error.code)) ?? last;
  const reasons = failures.map(({ source, error }) => `${source.name}: ${error.message}`).join('; ');
  throw new PodrunError(worst.error.code, `cannot get ${what}: ${reasons}`, {
    cause: worst.error,
    hint: failures.map(({ error }) => error.hint).findLast((hint) => hint !== undefined),
  });
}

function isFaultOfSource(error: PodrunError): boolean {
  return (
    error.code === 'ERR_PODRUN_IMAGE_NOT_FOUND' ||
    error.code.startsWith('ERR_PODRUN_REGISTRY_') ||
    integrity.has(error.code)
  );
}
