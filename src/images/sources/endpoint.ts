import { PodrunError } from '../../errors.js';
import type { ImageReference } from '../format/reference.js';
import { isLoopbackHost } from './addresses.js';

/** Where and how to ask for one repository. */
export interface Endpoint {
  /** As messages show it. */
  readonly name: string;
  readonly host: string;
  /** To be tried in this order: loopback and insecure registries may speak either. */
  readonly schemes: readonly ('https' | 'http')[];
  readonly insecure: boolean;
  /** The repository as this host calls it, path prefix included. */
  readonly repository: string;
  /** The registry that a mirror stands in for, told to it as `?ns=`, the way containerd does. */
  readonly namespace?: string;
}

/** Docker Hub answers under another name than its images carry. */
const apiHosts: Readonly<Record<string, string>> = { 'docker.io': 'registry-1.docker.io' };

function hostnameOf(host: string): string {
  return new URL(`http://${host}`).hostname;
}

const hostPattern = /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?$/;

export interface Location {
  /** "host[:port][/path]" */
  readonly location: string;
  readonly scheme?: 'https' | 'http';
  readonly insecure: boolean;
}

function schemesFor({ scheme, insecure }: Location, host: string): readonly ('https' | 'http')[] {
  if (scheme) return [scheme];
  return insecure || isLoopbackHost(hostnameOf(host)) ? ['https', 'http'] : ['https'];
}

/**
 * @param rest  what follows the location in the repository name
 */
export function endpointAt(location: Location, rest: string, namespace?: string): Endpoint {
  const [host = '', ...path] = location.location.split('/');
  return {
    name: location.scheme ? `${location.scheme}://${location.location}` : location.location,
    host: apiHosts[host] ?? host,
    schemes: schemesFor(location, host),
    insecure: location.insecure,
    repository: [...path, rest].filter((part) => part !== '').join('/'),
    ...(namespace !== undefined && { namespace }),
  };
}

/** Reads a mirror as `registryMirrors` and --registry-mirror have it: "[http[s]://]host[:port][/path]". */
export function parseMirror(registry: string, text: string): Location {
  const [, scheme, location = ''] = /^(?:(https?):\/\/)?([^?#\s]*?)\/*$/.exec(text) ?? [];
  const host = location.split('/')[0] ?? '';
  const fail = (reason: string) =>
    new PodrunError('ERR_PODRUN_REGISTRIES_CONF', `mirror ${JSON.stringify(text)} of ${registry} ${reason}`);
  if (!hostPattern.test(host) || location.includes('//') || !URL.canParse(`http://${host}`))
    throw fail('is not [http[s]://]host[:port][/path]');
  if (scheme === 'http' && !isLoopbackHost(hostnameOf(host))) {
    throw Object.assign(fail('uses plain http, which is for loopback only'), {
      hint: 'set insecure = true for it in registries.conf',
    });
  }
  return { location, insecure: false, ...(scheme && { scheme: scheme as 'http' | 'https' }) };
}

/** The registry itself, without any table. */
export function directEndpoint(reference: Pick<ImageReference, 'registry' | 'repository'>, insecure = false): Endpoint {
  return endpointAt({ location: reference.registry, insecure }, reference.repository);
}
