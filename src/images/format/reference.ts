import { isIPv6 } from 'node:net';
import { PodrunError } from '../../errors.js';
import { isDigest } from './digest.js';

/** Where an image is: registry, repository there, and what to take from it. */
export interface ImageReference {
  /** Host, with port if any: "docker.io", "127.0.0.1:5000", "[::1]:5000". Lower case. */
  readonly registry: string;
  /** "library/busybox". */
  readonly repository: string;
  /** What is asked for: the digest where there is one, since it is the stronger of the two. */
  readonly wanted: { readonly tag: string } | { readonly digest: string };
  /** The whole name, defaults filled in: "docker.io/library/busybox:1.28". */
  readonly text: string;
}

const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const hostLabel = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const maxNameLength = 255;

function invalid(text: string, reason: string): PodrunError {
  return new PodrunError('ERR_PODRUN_IMAGE_NAME', `invalid image name ${JSON.stringify(text)}: ${reason}`, {
    image: text,
  });
}

/** Splits at the last `@`, then at the last `:` that is not part of the host's port. */
function split(text: string): { name: string; tag?: string; digest?: string } {
  const at = text.indexOf('@');
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const tagged = colon > named.lastIndexOf('/') && !named.endsWith(']');
  return {
    name: tagged ? named.slice(0, colon) : named,
    ...(tagged && { tag: named.slice(colon + 1) }),
    ...(at >= 0 && { digest: text.slice(at + 1) }),
  };
}

/** A first component is a host when it could not be part of a repository on Docker Hub. */
function looksLikeHost(first: string): boolean {
  return first.includes('.') || first.includes(':') || first.startsWith('[') || first === 'localhost';
}

function checkHost(text: string, host: string): void {
  const [, name = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(host) ?? [];
  if (port !== undefined && !(/^[0-9]{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65535)) {
    throw invalid(text, `port ${JSON.stringify(port)} of the registry is not between 1 and 65535`);
  }
  const good = name.startsWith('[')
    ? isIPv6(name.slice(1, -1))
    : name.split('.').every((label) => hostLabel.test(label));
  if (!good) throw invalid(text, `${JSON.stringify(name)} is not a host name`);
}

function checkRepository(text: string, repository: string): void {
  const parts = repository.split('/');
  if (parts.includes('')) throw invalid(text, 'a part of the repository name is empty');
  for (const part of parts) {
    if (component.test(part)) continue;
    if (component.test(part.toLowerCase()))
      throw invalid(text, `repository name must be lowercase, not ${JSON.stringify(part)}`);
    const character = /[^a-z0-9._-]/i.exec(part)?.[0];
    if (character !== undefined)
      throw invalid(text, `character ${JSON.stringify(character)} in ${JSON.stringify(part)} is not allowed`);
    throw invalid(
      text,
      `${JSON.stringify(part)} must begin and end with a letter or digit, joined by one ".", one or two "_", or "-"`,
    );
  }
  if (/^[0-9a-f]{64}$/.test(repository)) throw invalid(text, '64 hexadecimal digits would be taken for an image ID');
}

function checkDigest(text: string, digest: string): void {
  const good: boolean = isDigest(digest);
  if (good) return;
  const algorithm = digest.includes(':') ? digest.slice(0, digest.indexOf(':')) : undefined;
  if (algorithm === 'sha256') throw invalid(text, 'digest sha256 needs exactly 64 hexadecimal digits in lower case');
  if (algorithm) throw invalid(text, `digest algorithm ${JSON.stringify(algorithm)} is not supported, only sha256 is`);
  throw invalid(text, `${JSON.stringify(digest)} is not a digest (sha256:<64 hexadecimal digits>)`);
}

/**
 * Reads an image name as Docker and Kubernetes do: `busybox` is docker.io/library/busybox:latest.
 * @throws ERR_PODRUN_IMAGE_NAME with the offending part
 * @see https://github.com/distribution/reference (the grammar, v0.6)
 */
export function parseReference(text: string): ImageReference {
  if (text === '') throw invalid(text, 'it is empty');
  if (/[\s\p{Cc}]/u.test(text)) throw invalid(text, 'white space and control characters are not allowed');
  const { name, tag, digest } = split(text);
  if (name === '') throw invalid(text, 'the repository name is missing');
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const hasHost = looksLikeHost(first);
  if (hasHost) checkHost(text, first);
  const path = hasHost ? name.slice(slash + 1) : name;
  checkRepository(text, path);
  const host = hasHost ? first.toLowerCase() : 'docker.io';
  const registry = host === 'index.docker.io' ? 'docker.io' : host;
  const repository = registry === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  if (registry.length + 1 + repository.length > maxNameLength)
    throw invalid(text, `it is longer than ${maxNameLength} characters`);
  if (tag !== undefined && !tagPattern.test(tag)) {
    throw invalid(
      text,
      `tag ${JSON.stringify(tag)} must be 1 to 128 letters, digits, "_", "." or "-", not beginning with "." or "-"`,
    );
  }
  if (digest !== undefined) checkDigest(text, digest);
  if (digest !== undefined)
    return { registry, repository, wanted: { digest }, text: `${registry}/${repository}@${digest}` };
  const wanted = { tag: tag ?? 'latest' };
  return { registry, repository, wanted, text: `${registry}/${repository}:${wanted.tag}` };
}
