import type { Readable } from 'node:stream';
import { errnoCode, PodrunError } from '../../errors.js';
import type { Descriptor } from '../format/descriptor.js';
import { digestOf, isDigest } from '../format/digest.js';
import { manifestMediaTypes } from '../format/manifest.js';
import type { Authenticator } from './auth.js';
import type { Endpoint } from './endpoint.js';
import { type HttpClient, type HttpRequest, type HttpResponse, isTransient } from './http.js';
import { type BlobStream, type ImageSource, type ManifestDocument, maxManifestBytes, type Wanted } from './source.js';

type Scheme = 'https' | 'http';

export interface Ask {
  readonly method: HttpRequest['method'];
  /** Below /v2/<repository>/, or with a slash in front: of this registry, as it has named it itself. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly upload?: () => Uint8Array | Readable;
  readonly signal: AbortSignal;
}

/** What all registries of one process share: connections, logins, and which of them speak TLS. */
export interface RegistryAccess {
  readonly http: HttpClient;
  readonly auth: Authenticator;
  /** host -> the scheme that worked */
  readonly schemes: Map<string, Scheme>;
}

const maxErrorBytes = 64 * 1024;

/**
 * One repository of one registry.
 * @see distribution-spec v1.1
 */
export class RegistrySource implements ImageSource {
  readonly name: string;

  constructor(
    private readonly endpoint: Endpoint,
    private readonly access: RegistryAccess,
  ) {
    this.name = endpoint.name;
  }

  async resolve(wanted: Wanted, signal: AbortSignal): Promise<string> {
    const response = await this.ask({ method: 'HEAD', path: manifestPath(wanted), headers: acceptManifests, signal });
    await response.discard();
    const digest = response.header('docker-content-digest');
    if (response.status !== 200) throw await this.refusal(response);
    if (isDigest(digest)) {
      if ('digest' in wanted && wanted.digest !== digest) throw wrongDigest(wanted.digest, digest);
      return digest;
    }
    return (await this.fetchManifest(wanted, signal)).digest;
  }

  async fetchManifest(wanted: Wanted, signal: AbortSignal): Promise<ManifestDocument> {
    const response = await this.ask({ method: 'GET', path: manifestPath(wanted), headers: acceptManifests, signal });
    if (response.status !== 200) throw await this.refusal(response);
    const data = await response.bytes(maxManifestBytes);
    const digest = digestOf(data);
    const claimed = 'digest' in wanted ? wanted.digest : response.header('docker-content-digest');
    if (claimed !== undefined && claimed !== digest) throw wrongDigest(claimed, digest);
    return { digest, data, contentType: response.header('content-type') };
  }

  async openBlob(blob: Descriptor, offset: number, signal: AbortSignal): Promise<BlobStream> {
    const headers = offset > 0 ? { range: `bytes=${offset}-` } : {};
    const response = await this.ask({ method: 'GET', path: `blobs/${blob.digest}`, headers, signal });
    if (response.status !== 200 && response.status !== 206) throw await this.refusal(response);
    if (response.status === 200)
      return { offset: 0, sizeBytes: numberOf(response.header('content-length')), body: response.body };
    const [, from, size] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.header('content-range') ?? '') ?? [];
    if (Number(from) !== offset || from === undefined) {
      await response.discard();
      throw new PodrunError(
        'ERR_PODRUN_REGISTRY_PROTOCOL',
        `it answered a request for bytes from ${offset} with others`,
      );
    }
    return { offset, sizeBytes: numberOf(size), body: response.body };
  }

  /** Sends with the login that is known, and once more with a new one if that is not enough. */
  async ask(ask: Ask): Promise<HttpResponse> {
    const response = await this.#send(ask);
    if (response.status !== 401) return response;
    await response.discard();
    const scope = this.#scope(response.url.origin);
    // A redirect may end at a host whose 401 is not the registry's: it gets no login.
    if (response.url.host !== this.endpoint.host) throw await this.refusal(response);
    await this.access.auth.answer(scope, response, ask.signal);
    return this.#send(ask);
  }

  async #send(ask: Ask): Promise<HttpResponse> {
    const known = this.access.schemes.get(this.endpoint.host);
    const schemes = known && this.endpoint.schemes.includes(known) ? [known] : this.endpoint.schemes;
    for (const [i, scheme] of schemes.entries()) {
      const more = i + 1 < schemes.length;
      try {
        const response = await this.#sendBy(scheme, ask, more ? 1 : undefined);
        this.access.schemes.set(this.endpoint.host, scheme);
        return response;
      } catch (error) {
        if (!more || !speaksNoTls(error)) throw error;
      }
    }
    throw new PodrunError('ERR_PODRUN_REGISTRY_UNAVAILABLE', 'no way to reach it');
  }

  #sendBy(scheme: Scheme, ask: Ask, attempts: number | undefined): Promise<HttpResponse> {
    const { host, repository, namespace, insecure } = this.endpoint;
    const url = new URL(ask.path.startsWith('/') ? ask.path : `/v2/${repository}/${ask.path}`, `${scheme}://${host}`);
    if (namespace !== undefined) url.searchParams.set('ns', namespace);
    const authorization = this.access.auth.known(this.#scope(url.origin));
    const headers = { 'user-agent': 'podrun', ...ask.headers, ...(authorization && { authorization }) };
    return this.access.http.request({
      method: ask.method,
      url,
      headers,
      signal: ask.signal,
      insecure,
      ...(ask.upload && { upload: ask.upload }),
      ...(attempts && { attempts }),
    });
  }

  #scope(origin: string) {
    return { origin, repository: this.endpoint.repository, insecure: this.endpoint.insecure };
  }

  /** What an answer that is none stands for. */
  async refusal(response: HttpResponse): Promise<PodrunError> {
    const said = await readErrors(response);
    const { status } = response;
    if (status === 404) return new PodrunError('ERR_PODRUN_IMAGE_NOT_FOUND', `not found${said}`);
    if (status === 401) {
      return new PodrunError('ERR_PODRUN_REGISTRY_AUTH', `no access${said}`, {
        hint: this.access.auth.advice(this.#scope(response.url.origin)),
      });
    }
    if (status === 403) return new PodrunError('ERR_PODRUN_REGISTRY_REFUSED', `access denied${said}`);
    if (status === 429) return new PodrunError('ERR_PODRUN_REGISTRY_UNAVAILABLE', `too many requests (429)${said}`);
    if (status >= 500)
      return new PodrunError('ERR_PODRUN_REGISTRY_UNAVAILABLE', `the registry failed with status ${status}${said}`);
    return new PodrunError('ERR_PODRUN_REGISTRY_PROTOCOL', `unexpected status ${status}${said}`);
  }
}

const acceptManifests = { accept: manifestMediaTypes.join(', ') };

function manifestPath(wanted: Wanted): string {
  return `manifests/${'digest' in wanted ? wanted.digest : wanted.tag}`;
}

function wrongDigest(wanted: string, got: string): PodrunError {
  return new PodrunError('ERR_PODRUN_BLOB_DIGEST', `the manifest has digest ${got}, not ${wanted}`);
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** A server that answers TLS with plain HTTP, or with nothing at all. */
export function speaksNoTls(error: unknown): boolean {
  const cause = error instanceof PodrunError ? error.cause : error;
  const code = errnoCode(cause);
  return isTransient(cause) || code === 'EPROTO' || code === 'ECONNREFUSED' || code?.startsWith('ERR_SSL_') === true;
}

/** The registry's own words, without anything that could play with a terminal. */
async function readErrors(response: HttpResponse): Promise<string> {
  try {
    const text = Buffer.from(await response.bytes(maxErrorBytes)).toString();
    const errors: unknown = JSON.parse(text).errors;
    const messages = Array.isArray(errors)
      ? errors.map((error) => error?.message).filter((message) => typeof message === 'string')
      : [];
    const said = messages
      .join(', ')
      .replace(/\p{C}+/gu, ' ')
      .slice(0, 300);
    return said && ` (${said})`;
  } catch {
    return ''; // an empty body, or one that is not the spec's JSON: the status says enough
  }
}
