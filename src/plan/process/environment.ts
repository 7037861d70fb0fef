import { PodrunError } from '../../errors.js';
import type { EnvVar } from '../../manifest/pod.js';
import { hasControlCharacter } from './control-characters.js';
import { expandReferences } from './expand.js';

/** What containerd and Docker give a program whose image sets no PATH. */
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface EnvironmentSources {
  readonly hostname: string;
  /** NAME=value of the image. */
  readonly image: readonly string[];
  /** Of the manifest, references replaced: see `manifestVariables`. */
  readonly variables: ReadonlyMap<string, string>;
  /** Home directory of the user, for when nothing sets HOME. */
  readonly home: string;
  readonly terminal: boolean;
}

/**
 * The variables of a container's `env`. A reference sees only what stands before it in the list, so not the image's
 * variables either; a name given twice has the later value.
 * @see k8s.io/api core/v1 EnvVar.value
 */
export function manifestVariables(env: readonly EnvVar[] = []): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const { name, value } of env) {
    variables.set(
      name,
      expandReferences(value, (other) => variables.get(other)),
    );
  }
  return variables;
}

/**
 * The whole environment as NAME=value: defaults, then the image's, then the manifest's; a later one replaces in place.
 * @throws ERR_PODRUN_IMAGE_CONFIG for a HOME of the image with control characters: programs write it into files, where a
 *   line break forges a line (CVE-2022-4318)
 */
export function processEnvironment(sources: EnvironmentSources): readonly string[] {
  const environment = new Map([['PATH', defaultPath]]);
  if (sources.terminal) environment.set('TERM', 'xterm');
  environment.set('HOSTNAME', sources.hostname);
  for (const entry of sources.image) {
    const equals = entry.indexOf('=');
    // A bare NAME in an image takes the variable away, as in containerd.
    if (equals < 0) environment.delete(entry);
    else environment.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  if (hasControlCharacter(environment.get('HOME') ?? '')) {
    throw new PodrunError('ERR_PODRUN_IMAGE_CONFIG', "the image's HOME has control characters");
  }
  for (const [name, value] of sources.variables) environment.set(name, value);
  if (!environment.get('HOME')) environment.set('HOME', sources.home);
  return Array.from(environment, ([name, value]) => `${name}=${value}`);
}
