import { existsSync, readFileSync } from 'node:fs';
import { errnoCode } from '../../errors.js';
import type { CredentialSource, Credentials } from '../sources/auth.js';
import { type AuthFile, authFileError, keysFor, parseAuthFile } from './auth-file.js';
import { askHelper } from './helper.js';
import { authPlaces, type Environment, type Place } from './places.js';

export interface LookupOptions {
  /** The one file to look at; else $REGISTRY_AUTH_FILE, else those of containers' tools and of Docker. */
  readonly authFile?: string | undefined;
  readonly env?: Environment;
  readonly helperLimitMs?: number;
}

/** Under this name helpers keep the login of Docker Hub. */
const hubServer = 'https://index.docker.io/v1/';

/** @throws ERR_PODRUN_AUTH_FILE, also for a file that was named and is not there */
export function readAuthFile({ path, named, bare }: Place): AuthFile | undefined {
  let source: string;
  try {
    source = readFileSync(path, 'utf8');
  } catch (error) {
    const code = errnoCode(error);
    if (!named && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined;
    throw authFileError(path, code === 'ENOENT' ? 'there is no such file' : `cannot read it: ${code ?? error}`, error);
  }
  return parseAuthFile(path, source, bare);
}

export function serverNames(registry: string): readonly string[] {
  return registry === 'docker.io' ? [hubServer, registry] : [registry];
}

async function fromHelper(helper: string, registry: string, limitMs?: number): Promise<Credentials | undefined> {
  for (const server of serverNames(registry)) {
    const found = await askHelper(helper, server, limitMs);
    if (found) return found;
  }
  return undefined;
}

/** The helper of this very registry, the most specific login, the helper of all: the order of containers' tools. */
async function findIn(file: AuthFile, keys: readonly string[], limitMs?: number): Promise<Credentials | undefined> {
  const registry = keys.at(-1) ?? '';
  const own = file.helpers.get(registry);
  const fromOwn = own && (await fromHelper(own, registry, limitMs));
  if (fromOwn) return fromOwn;
  const key = keys.find((candidate) => file.logins.has(candidate));
  if (key !== undefined) return file.logins.get(key);
  return file.store === undefined || own ? undefined : fromHelper(file.store, registry, limitMs);
}

/** Logins out of files that are read already, such as the data of pull Secrets. */
export function credentialsIn(files: readonly AuthFile[], limitMs?: number): CredentialSource {
  const source = async (host: string, repository: string) => {
    for (const file of files) {
      const found = await findIn(file, keysFor(host, repository), limitMs);
      if (found) return found;
    }
    return undefined;
  };
  return Object.assign(source, { places: files.map(({ name }) => name) });
}

/** Looks in the files of this machine, anew each time: a login counts at once. */
export function credentialsFrom(options: LookupOptions = {}): CredentialSource {
  const places = authPlaces(options.authFile, options.env);
  const source = async (host: string, repository: string) => {
    for (const place of places) {
      const file = readAuthFile(place);
      const found = file && (await findIn(file, keysFor(host, repository), options.helperLimitMs));
      if (found) return found;
    }
    return undefined;
  };
  return Object.assign(source, { places: places.map(({ path }) => path) });
}

/** A name that is wrong is better told before the pull than after a registry's refusal. @throws ERR_PODRUN_AUTH_FILE */
export function checkAuthFile(authFile: string | undefined, env: Environment = process.env): void {
  const [place] = authPlaces(authFile, env);
  if (place?.named && !existsSync(place.path)) readAuthFile(place);
}

/** The first source that knows a login. */
export function firstSource(sources: readonly CredentialSource[]): CredentialSource {
  const source = async (host: string, repository: string) => {
    for (const one of sources) {
      const found = await one(host, repository);
      if (found) return found;
    }
    return undefined;
  };
  return Object.assign(source, { places: sources.flatMap(({ places = [] }) => places) });
}
