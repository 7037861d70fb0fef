import { join } from 'node:path';
import { PodrunError } from '../../errors.js';
import { ImageFetcher } from '../fetcher.js';
import { hostPlatform, type Platform } from '../format/descriptor.js';
import { hexOf } from '../format/digest.js';
import { parseReference } from '../format/reference.js';
import { readLeases } from '../leases.js';
import { withWorkspace } from '../pull.js';
import { createImageService, type ImageServiceOptions } from '../service.js';
import { Store } from '../store/store.js';
import { collectGarbage } from './collect.js';
import { type CompleteImage, completeImage, readConfigFile } from './complete.js';
import { layerSize } from './contents.js';
import { findRecord, readRecords, removeRecord, type StoredRecord } from './records.js';
import type {
  ImageInspection,
  ImageSummary,
  Images,
  LoadOptions,
  PruneOptions,
  PullOptions,
  Pushed,
  Removed,
  RemoveOptions,
  SaveOptions,
  Usage,
} from './types.js';
import { readUsage } from './usage.js';

const forever = new AbortController().signal;

/** @throws ERR_PODRUN_USAGE */
function parsePlatform(text: string): Platform {
  const [, os, architecture, variant] = /^([a-z0-9]+)\/([a-z0-9_]+)(?:\/([a-z0-9]+))?$/.exec(text) ?? [];
  if (!os || !architecture)
    throw new PodrunError('ERR_PODRUN_USAGE', `platform ${JSON.stringify(text)} is not os/architecture[/variant]`);
  return { os, architecture, ...(variant && { variant }) };
}

/** The images of one store, to be looked at and cared for. */
export class LocalImages implements Images {
  readonly #store: Store;
  readonly #fetcher: ImageFetcher;

  constructor(private readonly options: ImageServiceOptions) {
    this.#store = new Store(options.root);
    this.#fetcher = new ImageFetcher(this.#store, options.platform ?? hostPlatform(), options);
  }

  async list(): Promise<readonly ImageSummary[]> {
    const leases = readLeases(this.#store.root);
    return readRecords(this.#store).map((stored) => this.#summary(stored, leases));
  }

  async pull(name: string, options: PullOptions = {}): Promise<ImageSummary> {
    const { policy = 'Always', signal, onEvent, platform } = options;
    const service = createImageService({
      ...this.options,
      ...(platform !== undefined && { platform: parsePlatform(platform) }),
    });
    try {
      const image = await service.resolve(name, { policy, signal, onEvent });
      return this.#summary(findRecord(this.#store, image.reference));
    } finally {
      await service.close();
    }
  }

  async inspect(name: string): Promise<ImageInspection> {
    const stored = findRecord(this.#store, name);
    return withWorkspace(this.#fetcher.tools, async (workspace) => {
      const tools = { ...this.#fetcher.tools, workspace };
      const complete = await completeImage(tools, stored.record, (one) => this.#fetcher.sourcesFor(one), forever);
      const file = await readConfigFile(tools, complete, forever);
      const text = (key: string) => (typeof file[key] === 'string' ? { [key]: file[key] } : {});
      const { diff_ids: diffIds = [] } = file['rootfs'] as { diff_ids?: readonly string[] };
      return {
        ...this.#summary(stored),
        ...text('created'),
        ...text('author'),
        config: (file['config'] ?? {}) as object,
        rootfs: { type: 'layers', diffIds },
        manifest: JSON.parse(Buffer.from(complete.manifestData).toString()) as object,
      };
    });
  }

  async remove(name: string, { force = false }: RemoveOptions = {}): Promise<Removed> {
    const stored = findRecord(this.#store, name);
    const { reference } = stored.record;
    const users = this.#summary(stored).usedBy;
    if (users.length > 0 && !force)
      throw new PodrunError('ERR_PODRUN_IMAGE_IN_USE', `image ${reference} is used by Pod ${users.join(', ')}`, {
        image: reference,
        hint: 'end the Pod, or use --force: its layers then stay until it has ended',
      });
    removeRecord(stored);
    return { references: [reference], ...(await collectGarbage(this.#store, this.#fetcher.tools.native)) };
  }

  async prune({ all = false, olderThanMs = 0 }: PruneOptions = {}): Promise<Removed> {
    const before = this.#fetcher.tools.clock.now().getTime() - olderThanMs;
    const leases = readLeases(this.#store.root);
    const unused = readRecords(this.#store).filter(
      (stored) => all && stored.pulledAt.getTime() <= before && this.#summary(stored, leases).usedBy.length === 0,
    );
    for (const stored of unused) removeRecord(stored);
    const references = unused.map(({ record }) => record.reference);
    return { references, ...(await collectGarbage(this.#store, this.#fetcher.tools.native)) };
  }

  async usage(): Promise<Usage> {
    return readUsage(this.#store);
  }

  async load(from: string | NodeJS.ReadableStream, options: LoadOptions = {}): Promise<readonly ImageSummary[]> {
    const { loadArchive } = await import('../archive/load.js');
    const { name, signal = forever, onEvent } = options;
    const references = await loadArchive(this.#fetcher.tools, { from, name, signal, onEvent });
    return references.map((reference) => this.#summary(findRecord(this.#store, reference)));
  }

  async save(
    names: readonly string[],
    to: string | NodeJS.WritableStream,
    { format = 'oci-archive', signal = forever }: SaveOptions = {},
  ): Promise<void> {
    const { saveArchive } = await import('../archive/save.js');
    const records = new Map(
      names.map((name) => findRecord(this.#store, name).record).map((one) => [one.reference, one]),
    );
    await withWorkspace(this.#fetcher.tools, async (workspace) => {
      const images: CompleteImage[] = [];
      for (const record of records.values()) {
        const tools = { ...this.#fetcher.tools, workspace };
        images.push(await completeImage(tools, record, (one) => this.#fetcher.sourcesFor(one), signal));
      }
      await saveArchive({ store: this.#store, workspace, signal }, { images, to, format });
    });
  }

  async push(
    name: string,
    destination?: string,
    { signal = forever }: { readonly signal?: AbortSignal } = {},
  ): Promise<Pushed> {
    const { record } = findRecord(this.#store, name);
    const target = parseReference(destination?.replace(/^docker:\/\//, '') ?? record.reference);
    const { pushImage } = await import('../push/push.js');
    return withWorkspace(this.#fetcher.tools, async (workspace) => {
      const tools = { ...this.#fetcher.tools, workspace };
      const complete = await completeImage(tools, record, (one) => this.#fetcher.sourcesFor(one), signal);
      const registry = await this.#fetcher.registry(target);
      const { wanted } = target;
      // Of an image pulled by an index's digest this is one platform's manifest, which has a digest of its own.
      const under = 'tag' in wanted ? wanted.tag : record.manifestDigest;
      const uploaded = await pushImage({ store: this.#store, registry, signal }, complete, under);
      return { reference: target.text, digest: record.manifestDigest, uploaded };
    });
  }

  /** Releases network connections. */
  async close(): Promise<void> {
    await this.#fetcher.close();
  }

  #summary({ record, pulledAt }: StoredRecord, leases = readLeases(this.#store.root)): ImageSummary {
    const { reference, configDigest, digest, manifestDigest, platform, chainIds } = record;
    const layers = new Set(chainIds.map(hexOf));
    const sizes = [...layers].map((hex) => layerSize(join(this.#store.root, 'layers', hex)));
    return {
      reference,
      id: configDigest,
      digest,
      manifestDigest,
      platform,
      sizeBytes: sizes.reduce((sum, size) => sum + size, 0),
      layers: chainIds.length,
      pulledAt: pulledAt.toISOString(),
      usedBy: leases.filter(({ references }) => references.has(reference)).map(({ uid }) => uid),
    };
  }
}
