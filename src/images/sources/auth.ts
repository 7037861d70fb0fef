import { PodrunError } from '../../errors.js';
import { normalKey } from '../credentials/auth-file.js';
import { isPrivate, judgeRealm, ownsRealm } from '../credentials/realm.js';
import { type Challenge, parseChallenges } from './challenge.js';
import type { HttpClient, HttpRequest, HttpResponse } from './http.js';

export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** A refresh token that a login has left; it goes to the token service in place of the password. */
  readonly identityToken?: string;
  /** The file or helper that had them, for messages. */
  readonly origin?: string;
}

/** Looks up what somebody logged in with; `host` is the one that will be asked, never one that it pointed to. */
export interface CredentialSource {
  (host: string, repository: string): Promise<Credentials | undefined>;
  /** Where it looks, for messages. */
  readonly places?: readonly string[];
}

export interface AuthScope {
  /** Origin that challenged. */
  readonly origin: string;
  readonly repository: string;
  readonly insecure: boolean;
}

const defaultLifetimeMs = 60_000;
const maxTokenBytes = 1024 * 1024;

function denied(message: string, hint?: string): PodrunError {
  return new PodrunError('ERR_PODRUN_REGISTRY_AUTH', message, { hint });
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
  readonly #advice = new Map<string, string>();

  constructor(
    private readonly http: HttpClient,
    private readonly credentials: CredentialSource = async () => undefined,
  ) {}

  /** The Authorization header that worked last, if it still may. */
  known(scope: AuthScope): string | undefined {
    const answer = this.#answers.get(keyOf(scope));
    return answer && answer.untilMs > this.http.clock.monotonicMs() ? answer.header : undefined;
  }

  /** What to do about a 401 that came in spite of an answer: says whose login was tried, or where none was found. */
  advice(scope: AuthScope): string {
    return this.#advice.get(keyOf(scope)) ?? 'the image may not exist, or it needs a login';
  }

  /**
   * Makes an Authorization header from a 401.
   * @throws ERR_PODRUN_REGISTRY_AUTH when there is none
   */
  async answer(scope: AuthScope, response: HttpResponse, signal: AbortSignal): Promise<string> {
    const challenges = parseChallenges(response.header('www-authenticate') ?? '');
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    const found = await this.credentials(new URL(scope.origin).host, scope.repository);
    this.#advice.set(keyOf(scope), this.#adviceFor(scope, found));
    const credentials = found && isPrivate(new URL(scope.origin)) ? found : undefined;
    if (bearer) return this.#token(scope, bearer, credentials, signal);
    if (!challenges.some(({ scheme }) => scheme === 'basic'))
      throw denied('it asks for a login in a way that is not known here');
    if (found && !credentials) throw denied('it asks for a password over plain http', this.advice(scope));
    if (!credentials)
      throw denied('it asks for a user name and password, and none are known for it', this.advice(scope));
    if (credentials.identityToken !== undefined)
      throw denied(`it asks for a password, and ${credentials.origin ?? 'the login'} has a token for a token service`);
    const header = basic(credentials);
    this.#answers.set(keyOf(scope), { header, untilMs: Number.POSITIVE_INFINITY });
    return header;
  }

  #adviceFor({ origin }: AuthScope, found: Credentials | undefined): string {
    const host = normalKey(new URL(origin).host);
    if (found && !isPrivate(new URL(origin)))
      return `the login for ${host} was not sent: podrun sends logins over https only, and to loopback`;
    if (found) return `the login for ${host}${found.origin ? ` in ${found.origin}` : ''} may be wrong or may not do`;
    const { places = [] } = this.credentials;
    const looked = places.length > 0 ? ` (no login for ${host} in ${places.join(', ')})` : '';
    return `the image may not exist, or it needs a login: podrun login ${host}${looked}`;
  }

  /** @see https://distribution.github.io/distribution/spec/auth/token/ */
  async #token(
    scope: AuthScope,
    challenge: Challenge,
    credentials: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const realm = judgeRealm(scope, challenge.parameters['realm']);
    const owned = credentials !== undefined && ownsRealm(new URL(scope.origin), realm);
    if (credentials && !owned) {
      const reason = `the login was not sent to the token service ${realm.origin}, which is another host`;
      this.#advice.set(keyOf(scope), reason);
    }
    const wanted = challenge.parameters['scope'] ?? (scope.repository && `repository:${scope.repository}:pull`);
    const response = await this.http.request({
      ...tokenRequest(realm, owned ? credentials : undefined, { service: challenge.parameters['service'], wanted }),
      askedBy: new URL(scope.origin),
      signal,
      insecure: scope.insecure,
    });
    const body = await response.bytes(maxTokenBytes);
    if (response.status !== 200)
      throw denied(`token service ${realm.origin} answered ${response.status}`, this.advice(scope));
    const { header, lifetimeMs } = readToken(realm, body);
    this.#answers.set(keyOf(scope), { header, untilMs: this.http.clock.monotonicMs() + lifetimeMs });
    return header;
  }
}

/** A refresh token goes in a form (OAuth 2, RFC 6749 section 6), a password by Basic, as all token services know it. */
function tokenRequest(
  realm: URL,
  credentials: Credentials | undefined,
  { service, wanted }: { readonly service: string | undefined; readonly wanted: string },
): Pick<HttpRequest, 'method' | 'url' | 'headers' | 'body'> {
  const parameters = { ...(service && { service }), ...(wanted && { scope: wanted }) };
  const { identityToken } = credentials ?? {};
  if (identityToken !== undefined) {
    const form = { grant_type: 'refresh_token', refresh_token: identityToken, client_id: 'podrun', ...parameters };
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return { method: 'POST', url: realm, headers, body: new URLSearchParams(form).toString() };
  }
  const url = new URL(realm);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return { method: 'GET', url, headers: credentials ? { authorization: basic(credentials) } : {} };
}

function keyOf(scope: AuthScope): string {
  return `${scope.origin} ${scope.repository}`;
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
