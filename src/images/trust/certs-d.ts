import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { errnoCode, PodrunError } from '../../errors.js';

/** What a connection to one host needs besides the usual. */
export interface TlsMaterial {
  /** Authorities, the usual ones included. */
  readonly ca?: string[];
  /** Client certificates and their keys, pair by pair. */
  readonly cert?: string[];
  readonly key?: string[];
}

function fail(path: string, reason: string, cause?: unknown): PodrunError {
  return new PodrunError('ERR_PODRUN_CERTIFICATES', `${path}: ${reason}`, { path, cause });
}

/** In the order of containers' tools; the first that has a folder for the host is the only one that counts. */
function defaultFolders(): readonly string[] {
  return [
    join(homedir(), '.config', 'containers', 'certs.d'),
    '/etc/containers/certs.d',
    join(homedir(), '.docker', 'certs.d'),
    '/etc/docker/certs.d',
  ];
}

function namesIn(folder: string): string[] | undefined {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    const code = errnoCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw fail(folder, `cannot read it: ${code ?? error}`, error);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw fail(path, `cannot read it: ${errnoCode(error) ?? error}`, error);
  }
}

/** `ca` replaces what Node.js trusts by itself, so that comes along; the roots it was told of by NODE_EXTRA_CA_CERTS too. */
async function usualAuthorities(): Promise<readonly string[]> {
  const { rootCertificates } = await import('node:tls');
  const extra = process.env['NODE_EXTRA_CA_CERTS'];
  return extra ? [...rootCertificates, read(extra)] : rootCertificates;
}

/** Fails here, with the file's name, rather than in the middle of a handshake. */
async function checked(folder: string, material: TlsMaterial): Promise<TlsMaterial> {
  const { createSecureContext } = await import('node:tls');
  try {
    createSecureContext({ ...material });
  } catch (error) {
    throw fail(folder, `unusable certificate or key: ${error instanceof Error ? error.message : error}`, error);
  }
  return material;
}

async function readFolder(folder: string, names: readonly string[]): Promise<TlsMaterial> {
  const ending = (end: string) => names.filter((name) => name.endsWith(end));
  const pairs = ending('.cert').map((name) => ({ cert: name, key: name.replace(/\.cert$/, '.key') }));
  for (const { cert, key } of pairs)
    if (!names.includes(key)) throw fail(join(folder, cert), `${key} is missing beside it`);
  const lonely = ending('.key').find((name) => !pairs.some(({ key }) => key === name));
  if (lonely) {
    const error = fail(join(folder, lonely), `${lonely.replace(/\.key$/, '.cert')} is missing beside it`);
    throw Object.assign(error, { hint: 'certificates of authorities end in .crt, those of clients in .cert' });
  }
  const authorities = ending('.crt').map((name) => read(join(folder, name)));
  return checked(folder, {
    ...(authorities.length > 0 && { ca: [...(await usualAuthorities()), ...authorities] }),
    ...(pairs.length > 0 && {
      cert: pairs.map(({ cert }) => read(join(folder, cert))),
      key: pairs.map(({ key }) => read(join(folder, key))),
    }),
  });
}

/**
 * @param host  "host[:port]", as in the image's name
 * @throws ERR_PODRUN_CERTIFICATES
 * @see containers-certs.d(5)
 */
export async function readCertificates(
  host: string,
  folders: readonly string[] = defaultFolders(),
): Promise<TlsMaterial | undefined> {
  const hosts = host === 'registry-1.docker.io' ? ['docker.io', host] : [host];
  for (const folder of folders.flatMap((each) => hosts.map((name) => join(each, name)))) {
    const names = namesIn(folder);
    if (names) return readFolder(folder, names);
  }
  return undefined;
}
