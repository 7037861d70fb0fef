import { PodrunError } from '../../errors.js';
import type { Credentials } from '../sources/auth.js';

/** What one file knows: auth.json of containers' tools, Docker's config.json, ~/.dockercfg, or the data of a pull Secret. */
export interface AuthFile {
  /** Path, or another name for messages. */
  readonly name: string;
  /** Registry, with namespace or repository behind it if so written -> login. Keys are normal: no scheme, docker.io for Docker Hub. */
  readonly logins: ReadonlyMap<string, Credentials>;
  /** Registry -> NAME of docker-credential-NAME. */
  readonly helpers: ReadonlyMap<string, string>;
  /** The helper for all other registries. */
  readonly store: string | undefined;
}

type Json = Readonly<Record<string, unknown>>;

/** Names under which Docker Hub's credentials are kept: https://index.docker.io/v1/ is what `docker login` writes. */
const hubNames = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

export function authFileError(name: string, reason: string, cause?: unknown): PodrunError {
  return new PodrunError('ERR_PODRUN_AUTH_FILE', `${name}: ${reason}`, { path: name, cause });
}

/** "https://index.docker.io/v1/" and "docker.io" are one; a key with a scheme is a host's, whatever its path says. */
export function normalKey(key: string): string {
  const bare = /^https?:\/\//.test(key)
    ? (key.replace(/^https?:\/\//, '').split('/')[0] ?? '')
    : key.replace(/\/+$/, '');
  const [host = '', ...path] = bare.split('/');
  const lower = host.toLowerCase();
  return [hubNames.has(lower) ? 'docker.io' : lower, ...path].join('/');
}

function object(name: string, value: unknown, where: string): Json {
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Json;
  throw authFileError(name, `${where} must be an object`);
}

function text(name: string, value: unknown, where: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  throw authFileError(name, `${where} must be a string`);
}

/** base64 of "user:password"; what does not decode is named by its key alone, for it may be a secret. */
function decode(name: string, auth: string, where: string): { username: string; password: string } {
  const plain = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = plain.indexOf(':');
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(auth.trim()) || colon < 1)
    throw authFileError(name, `${where}.auth is not the base64 form of user:password`);
  return { username: plain.slice(0, colon), password: plain.slice(colon + 1) };
}

function readLogin(name: string, key: string, value: unknown): Credentials | undefined {
  const where = `auths[${JSON.stringify(key)}]`;
  const entry = object(name, value, where);
  const identityToken = text(name, entry['identitytoken'], `${where}.identitytoken`);
  const auth = text(name, entry['auth'], `${where}.auth`);
  const { username, password } = auth
    ? decode(name, auth, where)
    : {
        username: text(name, entry['username'], `${where}.username`),
        password: text(name, entry['password'], `${where}.password`),
      };
  if (!identityToken && (!username || !password)) return undefined; // kept by a helper, or of another kind
  return { username, password, origin: name, ...(identityToken && { identityToken }) };
}

/** ~/.dockercfg has the logins at its top. */
function loginsOf(document: Json): unknown {
  return 'auths' in document || 'credHelpers' in document || 'credsStore' in document ? document['auths'] : document;
}

/**
 * @param name  the file, for messages
 * @param bare  the form of ~/.dockercfg, which has no "auths" around its logins
 * @throws ERR_PODRUN_AUTH_FILE
 * @see containers-auth.json(5)
 */
export function parseAuthFile(name: string, source: string, bare = false): AuthFile {
  let parsed: unknown;
  try {
    parsed = source.trim() === '' ? {} : JSON.parse(source);
  } catch {
    // The parser's own message quotes the text around the place, which may be a password.
    throw authFileError(name, 'it is not JSON');
  }
  const document = object(name, parsed, 'the document');
  const logins = new Map<string, Credentials>();
  for (const [key, value] of Object.entries(object(name, bare ? loginsOf(document) : document['auths'], 'auths'))) {
    const login = readLogin(name, key, value);
    if (login) logins.set(normalKey(key), login);
  }
  const helpers = Object.entries(object(name, document['credHelpers'], 'credHelpers')).map(
    ([key, value]) => [normalKey(key), text(name, value, `credHelpers[${JSON.stringify(key)}]`)] as const,
  );
  return {
    name,
    logins,
    helpers: new Map(helpers.filter(([, helper]) => helper !== '')),
    store: text(name, document['credsStore'], 'credsStore') || undefined,
  };
}

/** Keys that may have a login for a repository, most specific first: host/ns/repo, host/ns, host. */
export function keysFor(host: string, repository: string): string[] {
  const parts = repository === '' ? [] : repository.split('/');
  const [registry = ''] = normalKey(host).split('/');
  return Array.from({ length: parts.length + 1 }, (_, i) => [registry, ...parts.slice(0, parts.length - i)].join('/'));
}
