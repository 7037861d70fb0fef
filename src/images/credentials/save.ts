import {
  chownSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoCode } from '../../errors.js';
import type { Credentials } from '../sources/auth.js';
import { authFileError, normalKey, parseAuthFile } from './auth-file.js';
import { eraseInHelper, storeInHelper } from './helper.js';
import { serverNames } from './lookup.js';
import { authPlaces, type Environment } from './places.js';

type Document = Record<string, unknown> & { auths?: Record<string, unknown> };

/** Where logins are written to: the named file, else the first of those that are read. */
export function writtenFile(authFile: string | undefined, env?: Environment): string {
  return authPlaces(authFile, env)[0]?.path ?? '';
}

/** The file behind a link: the link of somebody's dotfiles stays one. */
function behindLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return path;
    throw authFileError(path, `cannot read it: ${errnoCode(error) ?? error}`, error);
  }
}

/** As it is, with all that is not ours to know. @throws ERR_PODRUN_AUTH_FILE */
function readDocument(path: string): Document {
  let source: string;
  try {
    source = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return {};
    throw authFileError(path, `cannot read it: ${errnoCode(error) ?? error}`, error);
  }
  parseAuthFile(path, source); // whatever is wrong with it, it is not overwritten
  return source.trim() === '' ? {} : JSON.parse(source);
}

/** Whole or not at all, for its owner alone; a file of another user's stays that user's when root changes it. */
function replace(path: string, document: Document): void {
  const temporary = join(dirname(path), `.auth-${process.pid}-${process.hrtime.bigint()}`);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const before = statSync(path, { throwIfNoEntry: false });
    const fd = openSync(temporary, 'wx', 0o600);
    try {
      writeSync(fd, `${JSON.stringify(document, undefined, '\t')}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (before && before.uid !== process.geteuid?.()) chownSync(temporary, before.uid, before.gid);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw authFileError(path, `cannot write it: ${errnoCode(error) ?? error}`, error);
  }
}

/** The helper that keeps a registry's login when this file says so. */
function helperFor(path: string, document: Document, key: string): string | undefined {
  const { helpers, store } = parseAuthFile(path, JSON.stringify(document));
  return helpers.get(key) ?? (key.includes('/') ? undefined : store);
}

/** The keys of a document that mean the same as `key`; Docker writes https://index.docker.io/v1/ for docker.io. */
function sameKeys(auths: Record<string, unknown>, key: string): string[] {
  return Object.keys(auths).filter((candidate) => normalKey(candidate) === key);
}

/**
 * Keeps a login, all other entries staying as they are.
 * @param key  "host[:port][/namespace]"
 * @returns the file, or the helper that the file names for the registry
 * @throws ERR_PODRUN_AUTH_FILE, ERR_PODRUN_CREDENTIAL_HELPER
 */
export async function saveLogin(authFile: string, key: string, login: Credentials): Promise<string> {
  const path = behindLinks(authFile);
  const helper = helperFor(path, readDocument(path), key);
  if (helper !== undefined) {
    await storeInHelper(helper, serverNames(key)[0] ?? key, login);
    return `docker-credential-${helper}`;
  }
  const document = readDocument(path);
  const auths = { ...document.auths };
  for (const same of sameKeys(auths, key)) delete auths[same];
  auths[key] = { auth: Buffer.from(`${login.username}:${login.password}`).toString('base64') };
  replace(path, { ...document, auths });
  return authFile;
}

/**
 * Forgets the login of one registry or namespace.
 * @returns whether there was one
 * @throws ERR_PODRUN_AUTH_FILE, ERR_PODRUN_CREDENTIAL_HELPER
 */
export async function removeLogin(authFile: string, key: string): Promise<boolean> {
  const path = behindLinks(authFile);
  const document = readDocument(path);
  const helper = helperFor(path, document, key);
  for (const server of helper === undefined ? [] : serverNames(key)) await eraseInHelper(helper ?? '', server);
  const auths = { ...document.auths };
  const same = sameKeys(auths, key);
  for (const each of same) delete auths[each];
  if (same.length > 0) replace(path, { ...document, auths });
  return same.length > 0 || helper !== undefined;
}

/** Forgets every login of a file, and has its helpers forget those that the file lists. @returns how many */
export async function removeAllLogins(authFile: string): Promise<number> {
  const path = behindLinks(authFile);
  const document = readDocument(path);
  const { helpers } = parseAuthFile(path, JSON.stringify(document));
  for (const [key, helper] of helpers) for (const server of serverNames(key)) await eraseInHelper(helper, server);
  const count = Object.keys(document.auths ?? {}).length;
  if (count > 0) replace(path, { ...document, auths: {} });
  return count + helpers.size;
}
