import { dirname } from 'node:path';
import { PodrunError } from '../../errors.js';
import type { ImageReference } from '../format/reference.js';
import type { Policy, RequirementType } from './policy-file.js';

/** Where an image comes from, as policy.json sees it. */
export interface Origin {
  /** "docker" for registries, "oci" for layouts on disk. */
  readonly transport: string;
  /** Scopes that cover it, most specific first; the transport's default "" comes last by itself. */
  readonly scopes: readonly string[];
}

/** "a.b.example" -> "*.b.example", "*.example". */
function wildcards(host: string): string[] {
  const labels = host.split('.');
  return labels.slice(1).map((_, i) => `*.${labels.slice(i + 1).join('.')}`);
}

/** host/ns/repo:tag, host/ns/repo, host/ns, host, *.domain. The name is the reference's, whatever mirror serves it. */
export function registryOrigin({ registry, repository, wanted }: ImageReference): Origin {
  const name = `${registry}/${repository}`;
  const parts = name.split('/');
  const prefixes = parts.map((_, i) => parts.slice(0, parts.length - i).join('/'));
  const whole = 'digest' in wanted ? `${name}@${wanted.digest}` : `${name}:${wanted.tag}`;
  return { transport: 'docker', scopes: [whole, ...prefixes, ...wildcards(registry)] };
}

/** directory:tag, directory, and the directories above it but the root, which the format leaves to the default. */
export function layoutOrigin(directory: string, { wanted }: ImageReference): Origin {
  const scopes = 'tag' in wanted ? [`${directory}:${wanted.tag}`] : [];
  for (let folder = directory; folder !== dirname(folder); folder = dirname(folder)) scopes.push(folder);
  return { transport: 'oci', scopes };
}

function applying(policy: Policy, { transport, scopes }: Origin): { where: string; types: readonly RequirementType[] } {
  const own = policy.transports.get(transport);
  for (const scope of [...scopes, '']) {
    const types = own?.get(scope);
    if (types) return { where: `transports.${transport}[${JSON.stringify(scope)}]`, types };
  }
  return { where: 'default', types: policy.fallback };
}

/**
 * Holds an image against the machine's policy. Signatures can't be checked here: what demands one is refused, never passed over.
 * @throws ERR_PODRUN_POLICY
 */
export function enforcePolicy(policy: Policy, image: string, origin: Origin): void {
  const { where, types } = applying(policy, origin);
  const refuse = (reason: string, hint?: string) =>
    new PodrunError('ERR_PODRUN_POLICY', `image ${image} is refused by ${policy.file}: ${where} ${reason}`, {
      image,
      path: policy.file,
      hint,
    });
  if (types.includes('reject')) throw refuse('says "reject"');
  const unmet = types.find((type) => type !== 'insecureAcceptAnything');
  if (unmet === undefined) return;
  throw refuse(
    `demands ${JSON.stringify(unmet)}, and podrun can't check signatures`,
    'check and copy the image with a tool that can, to a registry that the policy accepts',
  );
}
