import { type Clock, systemClock } from '../../clock.js';
import { PodrunError } from '../../errors.js';
import { Authenticator, type Credentials } from '../sources/auth.js';
import { directEndpoint, type Endpoint } from '../sources/endpoint.js';
import { HttpClient, type HttpResponse } from '../sources/http.js';
import { readRegistriesConf } from '../sources/registries-conf.js';
import { speaksNoTls } from '../sources/registry.js';
import { readCertificates } from '../trust/certs-d.js';

export interface VerifyOptions {
  readonly registriesConf?: string | undefined;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/** The base of the API, by the first scheme that the registry speaks. */
async function askBase(http: HttpClient, endpoint: Endpoint, signal: AbortSignal): Promise<HttpResponse> {
  const { host, insecure, schemes } = endpoint;
  for (const [i, scheme] of schemes.entries()) {
    const more = i + 1 < schemes.length;
    const url = new URL(`${scheme}://${host}/v2/`);
    try {
      return await http.request({ method: 'GET', url, headers, signal, insecure, ...(more && { attempts: 1 }) });
    } catch (error) {
      if (!more || !speaksNoTls(error)) throw error;
    }
  }
  throw new PodrunError('ERR_PODRUN_REGISTRY_UNAVAILABLE', `no way to reach ${host}`);
}

const headers = { 'user-agent': 'podrun' };

async function verify(http: HttpClient, endpoint: Endpoint, login: Credentials, signal: AbortSignal): Promise<void> {
  const { host, insecure } = endpoint;
  const first = await askBase(http, endpoint, signal);
  await first.discard();
  if (first.status === 404) throw new PodrunError('ERR_PODRUN_REGISTRY_PROTOCOL', 'it is no registry (404 for /v2/)');
  if (first.status !== 401) return; // open to everybody: what it makes of a login shows with what is private
  if (first.url.host !== host)
    throw new PodrunError('ERR_PODRUN_REGISTRY_REFUSED', `it leads to ${first.url.host}, which gets no login`);
  const scope = { origin: first.url.origin, repository: '', insecure };
  const auth = new Authenticator(http, async (asked) => (asked === host ? login : undefined));
  const authorization = await auth.answer(scope, first, signal);
  const url = new URL('/v2/', first.url);
  const second = await http.request({ method: 'GET', url, headers: { ...headers, authorization }, signal, insecure });
  await second.discard();
  if (second.status === 401)
    throw new PodrunError('ERR_PODRUN_REGISTRY_AUTH', 'wrong user name or password', { hint: auth.advice(scope) });
  if (second.status >= 400)
    throw new PodrunError('ERR_PODRUN_REGISTRY_REFUSED', `it refused the login with status ${second.status}`);
}

/**
 * Shows a login to its registry, by all the rules of a pull.
 * @param registry  "host[:port]"
 * @throws ERR_PODRUN_REGISTRY_AUTH when it is wrong, ERR_PODRUN_REGISTRY_*
 */
export async function verifyLogin(registry: string, login: Credentials, options: VerifyOptions = {}): Promise<void> {
  const { registriesConf, signal = new AbortController().signal, clock = systemClock } = options;
  const http = new HttpClient(clock, undefined, { certificates: readCertificates });
  try {
    const conf = await readRegistriesConf(registriesConf);
    const insecure = conf.some((entry) => entry.insecure && entry.location.split('/')[0] === registry);
    await verify(http, directEndpoint({ registry, repository: '' }, insecure), login, signal);
  } catch (error) {
    if (!(error instanceof PodrunError)) throw error;
    throw new PodrunError(error.code, `cannot log in to ${registry}: ${error.message}`, {
      cause: error,
      hint: error.hint,
    });
  } finally {
    await http.close();
  }
}
