import { PodrunError } from '../../errors.js';
import type { ImageReference } from '../format/reference.js';
import { directEndpoint, type Endpoint, endpointAt, type Location, parseMirror } from './endpoint.js';
import type { ConfMirror, ConfRegistry } from './registries-conf.js';

/** Registry host -> mirrors, as `registryMirrors` and --registry-mirror have it. */
export type MirrorTable = Readonly<Record<string, readonly string[]>>;

/** What remains of `name` behind a prefix that ends at a component, or undefined when it is not a prefix. */
function behind(name: string, prefix: string): string | undefined {
  if (prefix.startsWith('*.')) {
    const host = name.split('/')[0] ?? '';
    return host.endsWith(prefix.slice(1)) && host.length > prefix.length - 1 ? name.slice(host.length + 1) : undefined;
  }
  if (!name.startsWith(prefix)) return undefined;
  const rest = name.slice(prefix.length);
  return rest === '' || rest.startsWith('/') ? rest.slice(1) : undefined;
}

function longest(name: string, conf: readonly ConfRegistry[]): { registry: ConfRegistry; rest: string } | undefined {
  let found: { registry: ConfRegistry; rest: string } | undefined;
  for (const registry of conf) {
    const rest = behind(name, registry.prefix);
    if (rest !== undefined && registry.prefix.length > (found?.registry.prefix.length ?? -1))
      found = { registry, rest };
  }
  return found;
}

function serves({ pullFrom }: ConfMirror, reference: ImageReference): boolean {
  if (pullFrom === 'all') return true;
  return 'digest' in reference.wanted ? pullFrom === 'digest-only' : pullFrom === 'tag-only';
}

/** Mirrors of registries.conf, then the registry. */
function fromConf(reference: ImageReference, { registry, rest }: { registry: ConfRegistry; rest: string }): Endpoint[] {
  const mirrors = registry.mirrors.filter((mirror) => serves(mirror, reference));
  const wildcard = registry.location.startsWith('*.');
  const own: Location = { location: wildcard ? reference.registry : registry.location, insecure: registry.insecure };
  return [...mirrors.map((mirror) => endpointAt(mirror, rest, reference.registry)), endpointAt(own, rest)];
}

/**
 * Where to ask for an image, best first: the caller's mirrors, those of registries.conf in order, the registry itself.
 * A blocked registry is asked neither itself nor by the mirrors of the file that blocks it.
 * @throws ERR_PODRUN_REGISTRY_REFUSED when it is blocked and the caller named no mirror, ERR_PODRUN_REGISTRIES_CONF
 */
export function endpointsFor(reference: ImageReference, table: MirrorTable, conf: readonly ConfRegistry[]): Endpoint[] {
  const { registry, repository } = reference;
  const own = (Object.hasOwn(table, registry) ? (table[registry] ?? []) : []).map((text) =>
    endpointAt(parseMirror(registry, text), repository, registry),
  );
  const match = longest(`${registry}/${repository}`, conf);
  if (!match) return [...own, directEndpoint(reference)];
  if (!match.registry.blocked) return [...own, ...fromConf(reference, match)];
  if (own.length > 0) return own;
  throw new PodrunError(
    'ERR_PODRUN_REGISTRY_REFUSED',
    `registry ${match.registry.prefix} is blocked by ${match.registry.file}`,
    {
      image: reference.text,
    },
  );
}
