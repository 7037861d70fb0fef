import { normalKey } from '../../images/credentials/auth-file.js';
import { parseReference } from '../../images/format/reference.js';
import { type Arguments, usageError } from '../arguments.js';

export interface RegistryName {
  /** "host[:port]" */
  readonly registry: string;
  /** The same, with a namespace behind it if one was given: under this the login is kept. */
  readonly key: string;
}

/** Takes "https://host/" as well, as people paste it. @throws ERR_PODRUN_USAGE */
export function registryName(command: string, { positionals }: Arguments): RegistryName {
  const [text, ...more] = positionals;
  if (text === undefined) throw usageError(command, 'which registry? give its host, for instance docker.io');
  if (more.length > 0) throw usageError(command, `one registry at a time, got ${positionals.length}`);
  const key = normalKey(text.replace(/^https?:\/\//, '').replace(/^index\.docker\.io\/v1\/?$/, 'docker.io'));
  const registry = key.split('/')[0] ?? '';
  const dotted = /[.:]/.test(registry) || registry === 'localhost';
  if (!dotted || !isName(key === registry ? `${key}/x` : key))
    throw usageError(command, `${JSON.stringify(text)} is not a registry: expected host[:port][/namespace]`);
  return { registry, key };
}

function isName(name: string): boolean {
  try {
    parseReference(name);
    return true;
  } catch {
    return false; // what is wrong with it is told in the words of a registry's name
  }
}
