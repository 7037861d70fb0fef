import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { errnoCode, PodrunError } from '../../errors.js';

export interface ConfMirror {
  readonly location: string;
  readonly insecure: boolean;
  /** "digest-only" and "tag-only" mirrors are asked for such references alone. */
  readonly pullFrom: 'all' | 'digest-only' | 'tag-only';
}

/** One [[registry]] of registries.conf. */
export interface ConfRegistry {
  /** "host[:port][/path]", or "*.example.com". */
  readonly prefix: string;
  /** What the prefix is replaced by; the prefix itself when absent. */
  readonly location: string;
  readonly insecure: boolean;
  readonly blocked: boolean;
  readonly mirrors: readonly ConfMirror[];
  /** The file it comes from, for messages. */
  readonly file: string;
}

type Json = Readonly<Record<string, unknown>>;

function fail(file: string, reason: string, cause?: unknown): PodrunError {
  return new PodrunError('ERR_PODRUN_REGISTRIES_CONF', `${file}: ${reason}`, { path: file, cause });
}

function tables(file: string, value: unknown, where: string): Json[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === 'object' && item !== null)) return value;
  throw fail(file, `${where} must be an array of tables`);
}

function text(file: string, table: Json, key: string, where: string): string {
  const value = table[key] ?? '';
  if (typeof value !== 'string') throw fail(file, `${where}.${key} must be a string`);
  if (/\s|:\/\//.test(value))
    throw fail(file, `${where}.${key} ${JSON.stringify(value)} must be host[:port][/path], without a scheme`);
  return value.replace(/\/+$/, '');
}

function flag(file: string, table: Json, key: string, where: string): boolean {
  const value = table[key] ?? false;
  if (typeof value !== 'boolean') throw fail(file, `${where}.${key} must be true or false`);
  return value;
}

function readMirror(file: string, table: Json, where: string, digestOnly: boolean): ConfMirror {
  const location = text(file, table, 'location', where);
  if (!location) throw fail(file, `${where}.location is missing`);
  const pullFrom = table['pull-from-mirror'] || (digestOnly ? 'digest-only' : 'all');
  if (pullFrom !== 'all' && pullFrom !== 'digest-only' && pullFrom !== 'tag-only') {
    throw fail(file, `${where}.pull-from-mirror must be "all", "digest-only" or "tag-only"`);
  }
  return { location, insecure: flag(file, table, 'insecure', where), pullFrom };
}

function readRegistry(file: string, table: Json, where: string): ConfRegistry {
  const location = text(file, table, 'location', where);
  const prefix = text(file, table, 'prefix', where) || location;
  if (!prefix) throw fail(file, `${where} needs prefix or location`);
  const digestOnly = flag(file, table, 'mirror-by-digest-only', where);
  return {
    prefix,
    location: location || prefix,
    insecure: flag(file, table, 'insecure', where),
    blocked: flag(file, table, 'blocked', where),
    mirrors: tables(file, table['mirror'], `${where}.mirror`).map((mirror, i) =>
      readMirror(file, mirror, `${where}.mirror[${i}]`, digestOnly),
    ),
    file,
  };
}

/**
 * Reads one file of the format's version 2. Short names are always Docker Hub's here, as in Kubernetes: the search list and aliases don't count.
 * @throws ERR_PODRUN_REGISTRIES_CONF
 * @see containers-registries.conf(5)
 */
export async function parseRegistriesConf(file: string, source: string): Promise<ConfRegistry[]> {
  const { parse } = await import('smol-toml');
  let document: Json;
  try {
    document = parse(source);
  } catch (cause) {
    throw fail(file, cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause), cause);
  }
  if ('registries' in document)
    throw fail(file, 'this is version 1 of the format; write [[registry]] tables instead of [registries.*]');
  return tables(file, document['registry'], 'registry').map((table, i) => readRegistry(file, table, `registry[${i}]`));
}

/** The files that containers' tools read: the user's or the system's, then the drop-ins of both. */
function defaultFiles(): string[] {
  const user = join(process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'containers');
  const system = '/etc/containers';
  const main = [user, system].map((folder) => join(folder, 'registries.conf')).find((file) => existsSync(file));
  const dropIns = [system, user].flatMap((folder) => {
    const directory = join(folder, 'registries.conf.d');
    const names = existsSync(directory) ? readdirSync(directory) : [];
    return names
      .filter((name) => name.endsWith('.conf'))
      .sort()
      .map((name) => join(directory, name));
  });
  return main ? [main, ...dropIns] : dropIns;
}

/**
 * @param path  the one file to read; without it, those of the user and the system, where a later file replaces a prefix of an earlier one
 * @throws ERR_PODRUN_REGISTRIES_CONF
 */
export async function readRegistriesConf(path?: string): Promise<readonly ConfRegistry[]> {
  const byPrefix = new Map<string, ConfRegistry>();
  for (const file of path === undefined ? defaultFiles() : [path]) {
    let source: string;
    try {
      source = readFileSync(file, 'utf8');
    } catch (error) {
      throw fail(file, `cannot read it: ${errnoCode(error) ?? error}`, error);
    }
    if (!/^\s*\[\[?\s*registr/m.test(source)) continue; // nothing of interest: not worth loading the parser
    for (const registry of await parseRegistriesConf(file, source)) byPrefix.set(registry.prefix, registry);
  }
  return [...byPrefix.values()];
}
