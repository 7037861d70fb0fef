import { test } from 'tap';
import { hostPlatform } from '../../src/images/format/descriptor.js';
import { parseManifest } from '../../src/images/format/manifest.js';
import { choosePlatform } from '../../src/images/format/platform.js';
import { ociConfig, ociIndex, ociLayer, ociManifest } from '../helpers/hostile-registry.js';

const digest = `sha256:${'a'.repeat(64)}`;
const config = { mediaType: ociConfig, digest, size: 10 };
const layer = { mediaType: ociLayer, digest, size: 20 };
const manifest = { schemaVersion: 2, mediaType: ociManifest, config, layers: [layer] };

function parse(document: unknown, contentType: string | undefined = ociManifest) {
  return parseManifest('x', Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)), {
    contentType,
  });
}

test('a manifest gives its config and layers', async (t) => {
  t.same(parse(manifest), {
    kind: 'manifest',
    config: { mediaType: ociConfig, digest, sizeBytes: 10 },
    layers: [{ mediaType: ociLayer, digest, sizeBytes: 20 }],
  });
  t.equal(parse({ ...manifest, mediaType: undefined }).kind, 'manifest', 'the Content-Type alone is enough');
  t.equal(parse(manifest, undefined).kind, 'manifest', 'so is the mediaType');
  t.equal(parse({ ...manifest, mediaType: undefined }, 'text/plain').kind, 'manifest', "so is an OCI document's shape");
  t.equal(parse(manifest, 'application/json').kind, 'manifest', 'a vague Content-Type contradicts nothing');
  t.equal(parse(manifest, `${ociManifest}; charset=utf-8`).kind, 'manifest');
});

test('what is not clearly one kind of document is refused', async (t) => {
  const refused: readonly [string, unknown, string | undefined, RegExp][] = [
    ['index and manifest at once', { ...manifest, manifests: [] }, ociManifest, /both/],
    ['an index with layers', { schemaVersion: 2, mediaType: ociIndex, manifests: [], layers: [] }, ociIndex, /both/],
    [
      'mediaType against Content-Type',
      { ...manifest, mediaType: ociIndex },
      ociManifest,
      /mediaType says .* Content-Type says/,
    ],
    ['no type and no shape', { schemaVersion: 2 }, 'text/plain', /nothing says/],
    ['schema 1', { schemaVersion: 1, mediaType: ociManifest }, ociManifest, /schema version 1/],
    ['no schema version', { mediaType: ociManifest, config, layers: [] }, ociManifest, /schemaVersion/],
    [
      'another type',
      { ...manifest, mediaType: 'application/x' },
      'application/x',
      /"application\/x" is not an image's/,
    ],
    ['not JSON', '{', ociManifest, /not JSON/],
    ['a list', '[]', ociManifest, /not an object/],
    ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1'), ociManifest, /not JSON|UTF/],
    [
      'a path for a digest',
      { ...manifest, config: { ...config, digest: 'sha256:../../x' } },
      ociManifest,
      /not a sha256 digest/,
    ],
    [
      'a digest in upper case',
      { ...manifest, layers: [{ ...layer, digest: digest.toUpperCase() }] },
      ociManifest,
      /layers\[0\]\.digest/,
    ],
    ['a negative size', { ...manifest, layers: [{ ...layer, size: -1 }] }, ociManifest, /layers\[0\]\.size/],
    ['a fraction of a size', { ...manifest, layers: [{ ...layer, size: 1.5 }] }, ociManifest, /layers\[0\]\.size/],
    ['a size as text', { ...manifest, layers: [{ ...layer, size: '1' }] }, ociManifest, /layers\[0\]\.size/],
    ['layers that are no list', { ...manifest, layers: {} }, ociManifest, /layers is not a list/],
    [
      'an artifact',
      { ...manifest, config: { ...config, mediaType: 'application/vnd.example+json' } },
      ociManifest,
      /artifact of type "application\/vnd.example\+json"/,
    ],
  ];
  for (const [title, document, contentType, message] of refused) {
    t.throws(() => parse(document, contentType), { code: 'ERR_PODRUN_IMAGE_MANIFEST', message }, title);
  }
});

test('layers from elsewhere and of unknown types are refused', async (t) => {
  const foreign = [
    'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
    'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  ];
  for (const mediaType of foreign) {
    const document = { ...manifest, layers: [{ ...layer, mediaType, urls: ['http://169.254.169.254/'] }] };
    t.throws(() => parse(document), { code: 'ERR_PODRUN_LAYER_UNSUPPORTED', message: /foreign layer/ }, mediaType);
  }
  const encrypted = { ...manifest, layers: [{ ...layer, mediaType: `${ociLayer}+encrypted` }] };
  t.throws(() => parse(encrypted), { code: 'ERR_PODRUN_LAYER_UNSUPPORTED', message: /unknown type/ });
});

function index(...platforms: (string | undefined)[]) {
  const manifests = platforms.map((text, i) => {
    const [os, architecture, variant] = text?.split('/') ?? [];
    const platform = text === undefined ? {} : { platform: { os, architecture, variant } };
    return { mediaType: ociManifest, digest: `sha256:${String(i).repeat(64)}`, size: 1, ...platform };
  });
  const parsed = parse({ schemaVersion: 2, mediaType: ociIndex, manifests }, ociIndex);
  if (parsed.kind !== 'index') throw new Error('not an index');
  return parsed;
}

function chosen(arch: string, ...platforms: (string | undefined)[]): number {
  return Number(choosePlatform('x', index(...platforms), hostPlatform(arch)).digest[7]);
}

test('the entry of the own platform is chosen', async (t) => {
  t.equal(chosen('x64', 'linux/arm64', 'linux/amd64'), 1);
  t.equal(chosen('x64', 'windows/amd64', 'linux/amd64'), 1);
  t.equal(chosen('x64', 'linux/amd64/v3', 'linux/amd64'), 1, 'not a level that the machine may lack');
  t.equal(chosen('arm64', 'linux/amd64', 'linux/arm64/v8'), 1);
  t.equal(chosen('arm64', 'linux/arm/v7', 'linux/arm64'), 1);
  t.equal(chosen('x64', 'unknown/unknown', 'linux/amd64'), 1);
  t.equal(chosen('x64', 'linux/arm64', undefined), 1, 'one without a platform, when there is no other');
  const none = () => chosen('x64', 'linux/arm64/v8', 'windows/amd64', 'unknown/unknown');
  t.throws(none, {
    code: 'ERR_PODRUN_IMAGE_PLATFORM',
    message: /not made for linux\/amd64: it has linux\/arm64\/v8, windows\/amd64$/,
  });
});
