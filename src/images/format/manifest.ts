import { PodrunError } from '../../errors.js';
import type { Descriptor, Platform } from './descriptor.js';
import { isDigest } from './digest.js';

export interface ImageManifest {
  readonly kind: 'manifest';
  readonly config: Descriptor;
  /** Bottom first. */
  readonly layers: readonly Descriptor[];
}

export interface IndexEntry extends Descriptor {
  readonly platform?: Platform;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface ImageIndex {
  readonly kind: 'index';
  readonly manifests: readonly IndexEntry[];
}

type Json = Readonly<Record<string, unknown>>;

const indexTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
const configTypes = ['application/vnd.oci.image.config.v1+json', 'application/vnd.docker.container.image.v1+json'];
const layerTypes =
  /^application\/vnd\.(?:oci\.image\.layer\.v1\.tar(?:\+gzip|\+zstd)?|docker\.image\.rootfs\.diff\.tar(?:\.gzip|\.zstd)?)$/;
const foreignLayerTypes = /\.(?:nondistributable|foreign)\./;

/** What is asked for with Accept, and what may be in an index. */
export const manifestMediaTypes: readonly string[] = [...indexTypes, ...manifestTypes];

/** Types that say nothing about the content: some registries and object stores answer with these. */
const vagueTypes = new Set(['', 'application/json', 'application/octet-stream', 'binary/octet-stream', 'text/plain']);

function refuse(image: string, reason: string): PodrunError {
  return new PodrunError('ERR_PODRUN_IMAGE_MANIFEST', `manifest of ${image} is not usable: ${reason}`, { image });
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readDescriptor(image: string, value: unknown, where: string): Descriptor {
  if (!isObject(value)) throw refuse(image, `${where} is not an object`);
  const { mediaType, digest, size } = value;
  if (!isDigest(digest)) throw refuse(image, `${where}.digest ${JSON.stringify(digest)} is not a sha256 digest`);
  if (typeof mediaType !== 'string') throw refuse(image, `${where}.mediaType is missing`);
  if (!Number.isSafeInteger(size) || (size as number) < 0)
    throw refuse(image, `${where}.size ${JSON.stringify(size)} is not a size`);
  return { mediaType, digest, sizeBytes: size as number };
}

function readPlatform(image: string, value: unknown, where: string): Platform | undefined {
  if (value === undefined || value === null) return undefined;
  const good = isObject(value) && typeof value['os'] === 'string' && typeof value['architecture'] === 'string';
  if (!good) throw refuse(image, `${where}.platform needs os and architecture`);
  const { os, architecture, variant } = value as { os: string; architecture: string; variant?: unknown };
  return { os, architecture, ...(typeof variant === 'string' && variant !== '' && { variant }) };
}

function readAnnotations(value: unknown): Record<string, string> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function readIndex(image: string, document: Json): ImageIndex {
  const list = document['manifests'];
  if (!Array.isArray(list)) throw refuse(image, 'manifests is not a list');
  const manifests = list.map((value: unknown, i) => {
    const where = `manifests[${i}]`;
    const descriptor = readDescriptor(image, value, where);
    const platform = readPlatform(image, (value as Json)['platform'], where);
    return {
      ...descriptor,
      ...(platform && { platform }),
      annotations: readAnnotations((value as Json)['annotations']),
    };
  });
  return { kind: 'index', manifests };
}

function checkLayer(image: string, { mediaType }: Descriptor, where: string): void {
  if (layerTypes.test(mediaType)) return;
  if (foreignLayerTypes.test(mediaType)) {
    throw new PodrunError(
      'ERR_PODRUN_LAYER_UNSUPPORTED',
      `image ${image} has a foreign layer (${where}, ${mediaType}), to be fetched from elsewhere`,
      {
        image,
        hint: 'layers outside the registry are never fetched; push the image with all its layers',
      },
    );
  }
  throw new PodrunError(
    'ERR_PODRUN_LAYER_UNSUPPORTED',
    `image ${image} has a layer of an unknown type (${where}, ${JSON.stringify(mediaType)})`,
    { image },
  );
}

function readManifest(image: string, document: Json): ImageManifest {
  const config = readDescriptor(image, document['config'], 'config');
  if (!configTypes.includes(config.mediaType)) {
    const type = document['artifactType'] ?? config.mediaType;
    throw refuse(image, `it is an artifact of type ${JSON.stringify(type)}, not a container image`);
  }
  const list = document['layers'];
  if (!Array.isArray(list)) throw refuse(image, 'layers is not a list');
  const layers = list.map((value: unknown, i) => readDescriptor(image, value, `layers[${i}]`));
  for (const [i, layer] of layers.entries()) checkLayer(image, layer, `layers[${i}]`);
  return { kind: 'manifest', config, layers };
}

function decode(image: string, data: Uint8Array): Json {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch (cause) {
    throw new PodrunError('ERR_PODRUN_IMAGE_MANIFEST', `manifest of ${image} is not JSON`, { image, cause });
  }
  if (!isObject(document)) throw refuse(image, 'it is not an object');
  return document;
}

/** OCI documents need not say their type, and the store keeps no Content-Type beside them; Docker's always say it. */
function inferredType(document: Json): readonly [string, string] | undefined {
  if ('manifests' in document) return ['its shape', 'application/vnd.oci.image.index.v1+json'];
  return 'layers' in document ? ['its shape', 'application/vnd.oci.image.manifest.v1+json'] : undefined;
}

/** The one type on which the document, the Content-Type and the descriptor that led here agree. */
function agreedType(image: string, document: Json, claims: Readonly<Record<string, string | undefined>>): string {
  const own = document['mediaType'];
  const all = Object.entries({ 'its mediaType': typeof own === 'string' ? own : undefined, ...claims });
  const clear = all.filter((claim): claim is [string, string] => claim[1] !== undefined && !vagueTypes.has(claim[1]));
  const [first = inferredType(document), ...others] = clear;
  if (!first) throw refuse(image, 'nothing says of what type it is');
  const other = others.find(([, type]) => type !== first[1]);
  if (other) throw refuse(image, `${first[0]} says ${first[1]}, ${other[0]} says ${other[1]}`);
  return first[1];
}

export interface ManifestClaims {
  readonly contentType?: string | undefined;
  /** mediaType of the descriptor that led here. */
  readonly descriptorType?: string | undefined;
}

/**
 * Reads an image manifest or index whose digest the caller has verified.
 * A document that could be taken for both, or whose types disagree, is refused (CVE-2021-41190).
 * @throws ERR_PODRUN_IMAGE_MANIFEST, ERR_PODRUN_LAYER_UNSUPPORTED
 * @see image-spec v1.1 manifest.md, image-index.md; distribution "Image Manifest V 2, Schema 2"
 */
export function parseManifest(
  image: string,
  data: Uint8Array,
  claims: ManifestClaims = {},
): ImageManifest | ImageIndex {
  const document = decode(image, data);
  const contentType = claims.contentType?.split(';')[0]?.trim().toLowerCase();
  const type = agreedType(image, document, { 'Content-Type': contentType, 'the index': claims.descriptorType });
  if (document['schemaVersion'] === 1)
    throw refuse(image, 'it has schema version 1, which registries stopped serving in 2020');
  if (document['schemaVersion'] !== 2) throw refuse(image, 'schemaVersion is not 2');
  const looksLikeIndex = 'manifests' in document;
  const looksLikeManifest = 'layers' in document || 'config' in document;
  if (looksLikeIndex && looksLikeManifest) throw refuse(image, 'it has both "manifests" and "layers" or "config"');
  if (indexTypes.includes(type)) return readIndex(image, document);
  if (manifestTypes.includes(type)) return readManifest(image, document);
  throw refuse(image, `media type ${JSON.stringify(type)} is not an image's`);
}
