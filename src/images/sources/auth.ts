import { PodrunError } from '../../errors.js';
import { isLoopbackHost, isMachineLocal } from './addresses.js';
import { type Challenge, parseChallenges } from './challenge.js';
import type { HttpClient, HttpResponse } from './http.js';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Looks up what somebody logged in with; `host` is the one that will be asked, never one that it pointed to. */
export type CredentialSource = (host: string, repository: string) => Promise<Credentials | undefined>;

export interface AuthScope {
  /** Origin that challenged. */
  readonly origin: string;
  readonly repository: string;
  readonly insecure: boolean;
}

/** Token services that are known to belong to a registry on another host. */
const siblings: Readonly<Record<string, string>> = {
  'registry-1.docker.io': 'auth.docker.io',
  'registry.gitlab.com': 'gitlab.com',
};

const defaultLifetimeMs = 60_000;
const maxTokenBytes = 1024 * 1024;

function denied(message: string): PodrunError {
  return new PodrunError('ERR_PODRUN_REGISTRY_AUTH', message);
}

function basic({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/**
 * Answers the challenges of registries and remembers the answers while they hold.
 * Credentials go to the host they were stored for and to its own token service, to nobody else.
 */
export class Authenticator {
  readonly #answers = new Map<string, { header: string; untilMs: number }>();

  constructor(
    private readonly http: HttpClient,
    private readonly credentials: CredentialSource = async () => undefined,
  ) {}

  /** The Authorization header that worked last, if it still may. */
  known(scope: AuthScope): string | undefined {
    const answer = this.#answers.get(keyOf(scope));
    return answer && answer.untilMs > this.http.clock.monotonicMs() ? answer.header : undefined;
  }

  /**
   * Makes an Authorization header from a 401.
   * @throws ERR_PODRUN_REGISTRY_AUTH when there is none
   */
  async answer(scope: AuthScope, response: HttpResponse, signal: AbortSignal): Promise<string> {
    const challenges = parseChallenges(response.header('www-authenticate') ?? '');
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    const credentials = await this.credentials(new URL(scope.origin).host, scope.repository);
    if (bearer) return this.#token(scope, bearer, credentials, signal);
    if (!challenges.some(({ scheme }) => scheme === 'basic'))
      throw denied('it asks for a login in a way that is not known here');
    if (!credentials) throw denied('it asks for a user name and password, and none are known for it');
    const header = basic(credentials);
    this.#answers.set(keyOf(scope), { header, untilMs: Number.POSITIVE_INFINITY });
    return header;
  }

  /** @see https://distribution.github.io/distribution/spec/auth/token/ */
  async #token(
    scope: AuthScope,
    challenge: Challenge,
    credentials: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const realm = judgeRealm(scope, challenge.parameters['realm']);
    const { service } = challenge.parameters;
    if (service) realm.searchParams.set('service', service);
    realm.searchParams.set('scope', challenge.parameters['scope'] ?? `repository:${scope.repository}:pull`);
    const headers = credentials && ownsRealm(scope, realm) ? { authorization: basic(credentials) } : {};
    const askedBy = new URL(scope.origin);
    const response = await this.http.request({
      method: 'GET',
      url: realm,
      askedBy,
      headers,
      signal,
      insecure: scope.insecure,
    });
    const body = await response.bytes(maxTokenBytes);
    if (response.status !== 200) throw denied(`token service ${realm.origin} answered ${response.status}`);
    const { header, lifetimeMs } = readToken(realm, body);
    this.#answers.set(keyOf(scope), { header, untilMs: this.http.clock.monotonicMs() + lifetimeMs });
    return header;
  }
}

function keyOf(scope: AuthScope): string {
  return `${scope.origin} ${scope.repository}`;
}

/** The token service must be as safe to talk to as the registry that named it. */
function judgeRealm(scope: AuthScope, realm: string | undefined): URL {
  const from = new URL(scope.origin);
  const url = realm !== undefined && URL.canParse(realm) ? new URL(realm) : undefined;
  const refuse = (reason: string) =>
    new PodrunError(
      'ERR_PODRUN_REGISTRY_REFUSED',
      `token service ${url?.origin ?? JSON.stringify(realm)} refused: ${reason}`,
    );
  if (!url || url.username || (url.protocol !== 'https:' && url.protocol !== 'http:')) throw refuse('not a usable URL');
  if (url.protocol === 'http:' && !(isLoopbackHost(url.hostname) || (scope.insecure && url.host === from.host))) {
    throw refuse('plain http is for loopback only');
  }
  if (!isMachineLocal(from.hostname) && isMachineLocal(url.hostname)) throw refuse('that is this machine');
  return url;
}

function ownsRealm(scope: AuthScope, realm: URL): boolean {
  const { hostname, protocol } = new URL(scope.origin);
  if (protocol === 'https:' && realm.protocol === 'http:') return false;
  return realm.hostname === hostname || siblings[hostname] === realm.hostname;
}

function readToken(realm: URL, body: Uint8Array): { header: string; lifetimeMs: number } {
  let parsed: { token?: unknown; access_token?: unknown; expires_in?: unknown };
  try {
    parsed = JSON.parse(Buffer.from(body).toString()) ?? {};
  } catch (cause) {
    throw new PodrunError('ERR_PODRUN_REGISTRY_AUTH', `token service ${realm.origin} did not answer with JSON`, {
      cause,
    });
  }
  const token = parsed.token ?? parsed.access_token;
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token))
    throw denied(`token service ${realm.origin} answered without a token`);
  const seconds = typeof parsed.expires_in === 'number' && parsed.expires_in > 0 ? parsed.expires_in : 0;
  // A token is given up a little before its end, so that it doesn't expire on the way.
  return { header: `Bearer ${token}`, lifetimeMs: Math.max(seconds * 1000 - 5_000, defaultLifetimeMs - 5_000) };
}
