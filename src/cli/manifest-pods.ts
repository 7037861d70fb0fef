import { text } from 'node:stream/consumers';
import type { PodHandle, PodrunApi } from '../podrun/api.js';
import { readSource } from '../podrun/source.js';

interface Owned {
  readonly metadata: { readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[] };
}

function ownedBy(handle: PodHandle, kind: string, name: string): boolean {
  const { metadata } = handle.toJSON() as Owned;
  return (metadata.ownerReferences ?? []).some((owner) => owner.kind === kind && owner.name === name);
}

/**
 * The Pods that a manifest stands for: those it names, and those that its Jobs have made.
 * @param file  "-" for `stdin`
 * @throws ERR_PODRUN_MANIFEST_*
 */
export async function manifestPods(
  podrun: PodrunApi,
  file: string,
  stdin: NodeJS.ReadableStream,
  namespace: string | undefined,
): Promise<readonly { readonly name: string; readonly namespace: string }[]> {
  const { workloads } = readSource(file === '-' ? { text: await text(stdin), name: '<stdin>' } : { file });
  const found = await Promise.all(
    workloads.map(async ({ kind, metadata }) => {
      const where = namespace ?? metadata.namespace;
      if (kind === 'Pod') return [{ name: metadata.name, namespace: where }];
      const pods = await podrun.pods({ namespace: where });
      return pods
        .filter((handle) => ownedBy(handle, kind, metadata.name))
        .map(({ name }) => ({ name, namespace: where }));
    }),
  );
  return found.flat();
}
