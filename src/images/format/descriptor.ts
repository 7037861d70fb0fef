/**
 * Points at content by digest. Every field was checked: the digest is safe in paths and URLs.
 * @see image-spec v1.1 descriptor.md
 */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** The platform of this process, in the words of image-spec (Go's GOARCH). */
export function hostPlatform(arch: string = process.arch): Platform {
  if (arch === 'x64') return { os: 'linux', architecture: 'amd64' };
  if (arch === 'arm64') return { os: 'linux', architecture: 'arm64', variant: 'v8' };
  return { os: 'linux', architecture: arch };
}

/** arm64 is v8 when no variant is named, and amd64 is v1: the levels that this code is sure the machine has. */
const baseline: Readonly<Record<string, string>> = { arm64: 'v8', amd64: 'v1' };

export function platformMatches(offered: Platform, wanted: Platform): boolean {
  if (offered.os !== wanted.os || offered.architecture !== wanted.architecture) return false;
  const level = baseline[wanted.architecture];
  return (offered.variant ?? level) === (wanted.variant ?? level);
}

export function platformText(platform: Platform): string {
  return [platform.os, platform.architecture, platform.variant].filter(Boolean).join('/');
}
