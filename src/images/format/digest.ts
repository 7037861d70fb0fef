import { createHash } from 'node:crypto';

const pattern = /^sha256:[0-9a-f]{64}$/;

/** A digest that is safe in a path and a URL. Only sha256: it is the one algorithm every registry speaks. */
export function isDigest(text: unknown): text is string {
  return typeof text === 'string' && pattern.test(text);
}

/** The hexadecimal part of a digest that `isDigest` accepted. */
export function hexOf(digest: string): string {
  if (!isDigest(digest)) throw new TypeError(`not a digest: ${JSON.stringify(digest)}`);
  return digest.slice('sha256:'.length);
}

export function digestOf(data: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/**
 * The ChainIDs of a stack of layers, bottom first: each names a layer together with all that is beneath it.
 * @see image-spec v1.1 config.md#layer-chainid
 */
export function chainIds(diffIds: readonly string[]): string[] {
  const chains: string[] = [];
  for (const diffId of diffIds) {
    const parent = chains.at(-1);
    chains.push(parent === undefined ? diffId : digestOf(`${parent} ${diffId}`));
  }
  return chains;
}
