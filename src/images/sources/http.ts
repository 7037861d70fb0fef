import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Clock } from '../../clock.js';
import { errnoCode, PodrunError } from '../../errors.js';
import { Dispatchers } from '../connection/dispatchers.js';
import { type Environment, proxyFor, proxyName } from '../connection/proxy.js';
import type { TlsMaterial } from '../trust/certs-d.js';
import { isMachineLocal } from './addresses.js';

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  readonly url: URL;
  /** Who pointed us to `url`; absent when it is what the user named. */
  readonly askedBy?: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** A form with a secret in it: such a request follows no redirect. */
  readonly body?: string;
  /** Makes the content to send, anew for each attempt; such a request follows no redirect either. */
  readonly upload?: () => Uint8Array | Readable;
  readonly signal: AbortSignal;
  /** Plain HTTP and unverified certificates are fine for this host ("insecure = true" in registries.conf). */
  readonly insecure: boolean;
  /** How often to try in all; 1 when the caller has another way to go. */
  readonly attempts?: number;
}

export interface HttpResponse {
  readonly status: number;
  readonly url: URL;
  header(name: string): string | undefined;
  readonly body: AsyncIterable<Uint8Array>;
  /** Reads all of a small body. @throws ERR_PODRUN_REGISTRY_PROTOCOL beyond `maxBytes` */
  bytes(maxBytes: number): Promise<Uint8Array>;
  /** Throws the body away, so that the connection can serve again. */
  discard(): Promise<void>;
}

export interface HttpTimeouts {
  readonly connectMs: number;
  /** Between two pieces of a response. */
  readonly stallMs: number;
}

/** What is known of the way to a host, besides its name. */
export interface Surroundings {
  readonly certificates?: ((host: string) => Promise<TlsMaterial | undefined>) | undefined;
  /** Default: the environment of the process, for the variables that name proxies. */
  readonly env?: Environment | undefined;
}

export const defaultTimeouts: HttpTimeouts = { connectMs: 10_000, stallMs: 30_000 };

const redirects = new Set([301, 302, 303, 307, 308]);
const maxRedirects = 5;
const transientStatus = new Set([408, 425, 429, 500, 502, 503, 504]);
const transientErrors = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);
const maxRetryAfterMs = 60_000;

/** True for failures that the same request may not meet again: a cut or stalled connection. */
export function isTransient(error: unknown): boolean {
  const code = errnoCode(error);
  return code !== undefined && (transientErrors.has(code) || code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH');
}

export function backoffMs(attempt: number): number {
  return 200 * 2 ** attempt * (0.75 + Math.random() / 2);
}

/** Seconds or a date (RFC 9110 section 10.2.3); never longer than a minute. */
function retryAfterMs(header: string | undefined, clock: Clock): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - clock.now().getTime();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), maxRetryAfterMs) : undefined;
}

/** Requests with redirects and retries. undici costs 65 ms to load, so it is loaded by the first request. */
export class HttpClient {
  readonly #dispatchers: Dispatchers;

  constructor(
    readonly clock: Clock,
    timeouts: HttpTimeouts = defaultTimeouts,
    private readonly surroundings: Surroundings = {},
  ) {
    this.#dispatchers = new Dispatchers({ ...timeouts, ...surroundings });
  }

  /** Any status below 500 but 408 and 429 is an answer. @throws ERR_PODRUN_REGISTRY_UNAVAILABLE, ERR_PODRUN_REGISTRY_REFUSED */
  async request(request: HttpRequest): Promise<HttpResponse> {
    const attempts = request.attempts ?? 5;
    for (let attempt = 0; ; attempt++) {
      const last = attempt + 1 >= attempts;
      try {
        const response = await this.#follow(request);
        if (last || !transientStatus.has(response.status)) return response;
        await response.discard();
        const wait = retryAfterMs(response.header('retry-after'), this.clock) ?? backoffMs(attempt);
        await this.clock.sleep(wait, request.signal);
      } catch (error) {
        request.signal.throwIfAborted();
        if (last || !isTransient(error)) throw this.#unavailable(request.url, error);
        await this.clock.sleep(backoffMs(attempt), request.signal);
      }
    }
  }

  /**
   * Follows redirects by hand, because each hop is judged: Authorization stays with the host it was made for, https never
   * becomes http, and a registry out there can't point us at this machine.
   */
  async #follow(request: HttpRequest): Promise<HttpResponse> {
    let { url } = request;
    let headers = request.headers;
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const response = await this.#send(request, url, headers);
      const location = redirects.has(response.status) ? response.header('location') : undefined;
      if (location === undefined) return response;
      await response.discard();
      const next = this.#judge(request, url, location);
      if (request.body !== undefined) throw refused(url, next, 'a login must not travel on');
      if (request.upload) throw refused(url, next, 'content is sent to the registry itself');
      if (next.origin !== url.origin) headers = withoutAuthorization(headers);
      url = next;
    }
    throw new PodrunError('ERR_PODRUN_REGISTRY_PROTOCOL', `more than ${maxRedirects} redirects`);
  }

  #judge(request: HttpRequest, from: URL, location: string): URL {
    const next = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
    const refuse = (reason: string) => refused(from, next, reason);
    if (!next || (next.protocol !== 'https:' && next.protocol !== 'http:')) throw refuse('it is not http or https');
    if (next.origin === from.origin) return next;
    if (next.protocol === 'http:' && from.protocol === 'https:') throw refuse('https must not become http');
    if (!isMachineLocal(trusted(request).hostname) && isMachineLocal(next.hostname))
      throw refuse('that is this machine');
    return next;
  }

  async #send(request: HttpRequest, url: URL, headers: Readonly<Record<string, string>>): Promise<HttpResponse> {
    const { method, body, upload, insecure, signal } = request;
    const dispatcher = await this.#dispatchers.for({ url, named: trusted(request), insecure });
    const { request: send } = await import('undici');
    return wrap(await send(url, { method, headers, dispatcher, signal, body: upload?.() ?? body ?? null }), url);
  }

  #unavailable(url: URL, error: unknown): unknown {
    const failure = unavailable(url, error);
    const proxy = failure !== error && proxyFor(url, this.surroundings.env);
    if (!proxy || !(failure instanceof PodrunError)) return failure;
    return new PodrunError(failure.code, `by proxy ${proxyName(proxy)}: ${failure.message}`, { cause: error });
  }

  async close(): Promise<void> {
    await this.#dispatchers.close();
  }
}

function refused(from: URL, to: URL | undefined, reason: string): PodrunError {
  const where = `redirect from ${from.origin} to ${to?.origin ?? 'an unusable place'}`;
  return new PodrunError('ERR_PODRUN_REGISTRY_REFUSED', `${where} refused: ${reason}`);
}

function trusted(request: HttpRequest): URL {
  return request.askedBy ?? request.url;
}

function withoutAuthorization(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization'));
}

function wrap(response: Dispatcher.ResponseData, url: URL): HttpResponse {
  return {
    status: response.statusCode,
    url,
    body: response.body,
    header(name) {
      const value = response.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    async bytes(maxBytes) {
      const chunks: Uint8Array[] = [];
      let total = 0;
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
        total += chunk.byteLength;
        if (total > maxBytes)
          throw new PodrunError(
            'ERR_PODRUN_REGISTRY_PROTOCOL',
            `answer of ${url.origin} is longer than ${maxBytes} bytes`,
          );
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    },
    async discard() {
      await response.body.dump();
    },
  };
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'the name server did not answer',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_BODY_TIMEOUT: 'the transfer stalled',
  UND_ERR_SOCKET: 'the connection was cut',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
};

/** Words for a failure of the transport; a PodrunError stays what it is. */
export function unavailable(url: URL, error: unknown): unknown {
  if (error instanceof PodrunError) return error;
  const code = errnoCode(error);
  const text = (code && reasons[code]) ?? (error instanceof Error ? error.message : String(error));
  const where = code === 'ENOTFOUND' ? `: ${url.hostname}` : '';
  return new PodrunError('ERR_PODRUN_REGISTRY_UNAVAILABLE', `${text}${where}`, { cause: error });
}
