/** Pushes what an OCI layout holds as it is, media types and indexes included (skopeo converts some of it, and refuses some). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestRegistry } from './registry.js';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
}

interface Manifest {
  readonly manifests?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

async function expectStatus(response: Response, status: number): Promise<Response> {
  const text = await response.text();
  if (response.status !== status)
    throw new Error(`push: ${response.status} instead of ${status} from ${response.url}: ${text}`);
  return response;
}

class Push {
  constructor(
    private readonly layout: string,
    private readonly repository: string,
  ) {}

  #read(digest: string): Buffer {
    return readFileSync(join(this.layout, 'blobs', 'sha256', digest.slice('sha256:'.length)));
  }

  async blob({ digest }: Descriptor): Promise<void> {
    const head = await fetch(`${this.repository}/blobs/${digest}`, { method: 'HEAD' });
    if (head.status === 200) return;
    const started = await expectStatus(await fetch(`${this.repository}/blobs/uploads/`, { method: 'POST' }), 202);
    const upload = new URL(started.headers.get('location') ?? '', this.repository);
    upload.searchParams.set('digest', digest);
    const headers = { 'content-type': 'application/octet-stream' };
    await expectStatus(await fetch(upload, { method: 'PUT', headers, body: new Uint8Array(this.#read(digest)) }), 201);
  }

  async manifest({ mediaType, digest }: Descriptor, name: string): Promise<void> {
    const data = this.#read(digest);
    const { manifests = [], config, layers = [] }: Manifest = JSON.parse(data.toString());
    for (const child of manifests) await this.manifest(child, child.digest);
    for (const blob of config ? [config, ...layers] : []) await this.blob(blob);
    const headers = { 'content-type': mediaType };
    const url = `${this.repository}/manifests/${name}`;
    await expectStatus(await fetch(url, { method: 'PUT', headers, body: new Uint8Array(data) }), 201);
  }
}

/** @param name  "repository:tag" */
export async function pushToRegistry(
  layout: string,
  tag: string,
  registry: Pick<TestRegistry, 'url'>,
  name: string,
): Promise<void> {
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as {
    manifests: (Descriptor & { annotations?: Record<string, string> })[];
  };
  const entry = index.manifests.find(({ annotations }) => annotations?.['org.opencontainers.image.ref.name'] === tag);
  if (!entry) throw new Error(`no ${tag} in ${layout}`);
  const colon = name.lastIndexOf(':');
  await new Push(layout, `${registry.url}/v2/${name.slice(0, colon)}`).manifest(entry, name.slice(colon + 1));
}
