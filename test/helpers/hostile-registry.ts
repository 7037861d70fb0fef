/** A registry in memory that can be made to misbehave, request by request, in ways that a real one can't. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Answers in place of the registry when it returns true. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface HostileRegistry {
  readonly host: string;
  readonly url: string;
  readonly requests: SeenRequest[];
  /** Consulted for every request, in order. */
  faults: Fault[];
  /** Adds content and returns its descriptor. */
  blob(mediaType: string, data: Uint8Array | object): { mediaType: string; digest: string; size: number };
  tag(name: string, data: Uint8Array | object, contentType?: string): string;
  stop(): Promise<void>;
}

export const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
export const ociIndex = 'application/vnd.oci.image.index.v1+json';
export const ociConfig = 'application/vnd.oci.image.config.v1+json';
export const ociLayer = 'application/vnd.oci.image.layer.v1.tar+gzip';

export function sha256(data: Uint8Array): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

function bytesOf(data: Uint8Array | object): Buffer {
  return Buffer.from(data instanceof Uint8Array ? data : JSON.stringify(data));
}

interface Content {
  readonly data: Buffer;
  readonly contentType: string;
}

function answer(request: IncomingMessage, response: ServerResponse, content: Content | undefined): void {
  if (!content) {
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN', message: 'no such thing' }] }));
    return;
  }
  const { data, contentType } = content;
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const part = data.subarray(from);
  response.writeHead(from > 0 ? 206 : 200, {
    'content-type': contentType,
    'content-length': part.byteLength,
    'docker-content-digest': sha256(data),
    ...(from > 0 && { 'content-range': `bytes ${from}-${data.byteLength - 1}/${data.byteLength}` }),
  });
  response.end(request.method === 'HEAD' ? undefined : part);
}

export async function startHostileRegistry(): Promise<HostileRegistry> {
  const contents = new Map<string, Content>();
  const requests: SeenRequest[] = [];
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    requests.push({ method, url, headers });
    if (registry.faults.some((fault) => fault(request, response))) return;
    const name = /^\/v2\/.+\/(?:manifests|blobs)\/([^/?]+)/.exec(url)?.[1] ?? '';
    answer(request, response, contents.get(name));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const registry: HostileRegistry = {
    host,
    url: `http://${host}`,
    requests,
    faults: [],
    blob(mediaType, data) {
      const bytes = bytesOf(data);
      const digest = sha256(bytes);
      contents.set(digest, { data: bytes, contentType: mediaType });
      return { mediaType, digest, size: bytes.byteLength };
    },
    tag(name, data, contentType = ociManifest) {
      const bytes = bytesOf(data);
      contents.set(name, { data: bytes, contentType });
      contents.set(sha256(bytes), { data: bytes, contentType });
      return sha256(bytes);
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return registry;
}

/** Puts an image with these layers (uncompressed tars) under a tag. */
export function putImage(
  registry: HostileRegistry,
  tag: string,
  tars: readonly Uint8Array[],
): { manifest: string; layers: string[] } {
  const layers = tars.map((tar) => registry.blob(ociLayer, gzipSync(tar)));
  const rootfs = { type: 'layers', diff_ids: tars.map(sha256) };
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const config = registry.blob(ociConfig, { os: 'linux', architecture, config: { Cmd: ['true'] }, rootfs });
  const manifest = registry.tag(tag, { schemaVersion: 2, mediaType: ociManifest, config, layers });
  return { manifest, layers: layers.map(({ digest }) => digest) };
}

function isFor(request: IncomingMessage, part: string): boolean {
  return request.url?.includes(part) === true;
}

/** Answers requests whose URL has `part` with a status, the first `times` times. */
export function failWith(
  part: string,
  status: number,
  times: number,
  headers: Readonly<Record<string, string>> = {},
): Fault {
  let left = times;
  return (request, response) => {
    if (!isFor(request, part) || left-- <= 0) return false;
    response.writeHead(status, headers);
    response.end();
    return true;
  };
}

/** Sends `bytes` more bytes of the right answer and cuts the connection, the first `times` times. */
export function cutAfter(part: string, data: Uint8Array, bytes: number, times: number): Fault {
  let left = times;
  return (request, response) => {
    if (!isFor(request, part) || left-- <= 0) return false;
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const rest = Buffer.from(data).subarray(from);
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': rest.byteLength,
      ...(from > 0 && { 'content-range': `bytes ${from}-${data.byteLength - 1}/${data.byteLength}` }),
    });
    response.write(rest.subarray(0, bytes), () => response.destroy());
    return true;
  };
}

/** Sends these bytes instead, with a matching Content-Length unless told another. */
export function sendInstead(part: string, data: Uint8Array, headers: Readonly<Record<string, string>> = {}): Fault {
  return (request, response) => {
    if (!isFor(request, part)) return false;
    response.writeHead(200, { 'content-length': String(data.byteLength), ...headers });
    response.end(request.method === 'HEAD' ? undefined : data);
    return true;
  };
}

/** Sends headers and a first byte, and then nothing more. */
export function stall(part: string, sizeBytes: number): Fault {
  return (request, response) => {
    if (!isFor(request, part)) return false;
    response.writeHead(200, { 'content-length': String(sizeBytes) });
    response.write('x');
    return true;
  };
}

export function redirectTo(part: string, location: string): Fault {
  return (request, response) => {
    if (!isFor(request, part)) return false;
    response.writeHead(307, { location });
    response.end();
    return true;
  };
}

/** Asks for a login in this way until a request carries one. */
export function challenge(header: string, accepts: (authorization: string) => boolean = () => true): Fault {
  return (request, response) => {
    const { authorization } = request.headers;
    if (authorization !== undefined && accepts(authorization)) return false;
    response.writeHead(401, { 'www-authenticate': header });
    response.end();
    return true;
  };
}
