import { homedir } from 'node:os';
import { join } from 'node:path';

export interface Place {
  readonly path: string;
  /** Somebody named it, so it must be there. */
  readonly named: boolean;
  /** Without "auths" around the logins: ~/.dockercfg. */
  readonly bare?: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The file that `podman login` and `podrun login` write; without a runtime directory it is the one below /run. */
function runtimeFile(env: Environment): string {
  const directory = env['XDG_RUNTIME_DIR'];
  return directory
    ? join(directory, 'containers', 'auth.json')
    : join('/run/containers', String(process.geteuid?.() ?? 0), 'auth.json');
}

/**
 * The files to look at, in order. One that was named excludes all others.
 * @see containers-auth.json(5), https://docs.docker.com/reference/cli/docker/#configuration-files
 */
export function authPlaces(authFile: string | undefined, env: Environment = process.env): readonly Place[] {
  const path = authFile || env['REGISTRY_AUTH_FILE'];
  if (path) return [{ path, named: true }];
  const home = env['HOME'] || homedir();
  return [
    { path: runtimeFile(env), named: false },
    { path: join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'containers', 'auth.json'), named: false },
    { path: join(env['DOCKER_CONFIG'] || join(home, '.docker'), 'config.json'), named: false },
    { path: join(home, '.dockercfg'), named: false, bare: true },
  ];
}
