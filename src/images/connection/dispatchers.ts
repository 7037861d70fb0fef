import type { Dispatcher } from 'undici';
import { guardedLookup, isLoopbackHost } from '../sources/addresses.js';
import type { TlsMaterial } from '../trust/certs-d.js';
import { type Environment, proxyFor } from './proxy.js';

export interface ConnectionOptions {
  readonly connectMs: number;
  readonly stallMs: number;
  /** What certs.d has for a host. */
  readonly certificates?: ((host: string) => Promise<TlsMaterial | undefined>) | undefined;
  readonly env?: Environment | undefined;
}

export interface Destination {
  readonly url: URL;
  /** Whom the user named; another host than `url`'s when a registry pointed us there. */
  readonly named: URL;
  /** Certificates of the named host need not be verified. */
  readonly insecure: boolean;
}

/** Pools of connections, one for each way to connect: verified or not, guarded or not, with a host's own certificates, by a proxy. */
export class Dispatchers {
  readonly #known = new Map<string, Promise<Dispatcher>>();
  readonly #certificates = new Map<string, Promise<TlsMaterial | undefined> | undefined>();

  constructor(private readonly options: ConnectionOptions) {}

  async for({ url, named, insecure }: Destination): Promise<Dispatcher> {
    const verify = !(insecure && url.host === named.host);
    const guarded = url.host !== named.host && !isLoopbackHost(named.hostname);
    // A client certificate is shown to the host it was put there for, wherever the way leads on from it.
    const material = url.protocol === 'https:' ? await this.#certificatesOf(url.host) : undefined;
    const key = [verify, guarded, material && url.host, proxyFor(url, this.options.env) && url.protocol].join(' ');
    const known = this.#known.get(key);
    if (known) return known;
    const created = this.#create(url, { rejectUnauthorized: verify, ...material }, guarded);
    this.#known.set(key, created);
    return created;
  }

  #certificatesOf(host: string): Promise<TlsMaterial | undefined> | undefined {
    if (!this.#certificates.has(host)) this.#certificates.set(host, this.options.certificates?.(host));
    return this.#certificates.get(host);
  }

  async #create(url: URL, tls: TlsMaterial & { rejectUnauthorized: boolean }, guarded: boolean): Promise<Dispatcher> {
    const { Agent, EnvHttpProxyAgent } = await import('undici');
    const { connectMs, stallMs, env } = this.options;
    const limits = { headersTimeout: stallMs, bodyTimeout: stallMs };
    const connect = { timeout: connectMs, ...tls, ...(guarded && { lookup: guardedLookup }) };
    const proxy = proxyFor(url, env);
    if (!proxy) return new Agent({ ...limits, connect });
    // By a proxy the name is resolved there, so what is judged here is the URL alone.
    const proxyTls = { timeout: connectMs };
    const requestTls = { timeout: connectMs, ...tls };
    // Proxies let CONNECT through to TLS ports only, as a rule; plain http is for them to forward.
    return new EnvHttpProxyAgent({ ...limits, ...proxy, connect, proxyTls, requestTls, proxyTunnel: false });
  }

  async close(): Promise<void> {
    const all = [...this.#known.values()];
    this.#known.clear();
    await Promise.all(all.map(async (dispatcher) => (await dispatcher).destroy()));
  }
}
