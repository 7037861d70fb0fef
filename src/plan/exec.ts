import type { OciProcess } from './oci.js';

export interface ExecPlanOptions {
  readonly command: readonly string[];
  readonly tty?: boolean | undefined;
  /** On top of the container's own variables. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  readonly size?: { readonly width: number; readonly height: number } | undefined;
}

/**
 * A further process in a running container: its user, groups, capabilities, environment and limits, another command.
 * @param process  of the container's own config.json
 */
export function planExec(process: OciProcess, options: ExecPlanOptions): OciProcess {
  const { tty = false, size } = options;
  const environment = new Map(tty ? [['TERM', 'xterm']] : []);
  for (const entry of process.env) {
    const equals = entry.indexOf('=');
    environment.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  for (const [name, value] of Object.entries(options.env ?? {})) environment.set(name, value);
  const { consoleSize: _, ...inherited } = process;
  return {
    ...inherited,
    terminal: tty,
    ...(tty && size !== undefined ? { consoleSize: size } : {}),
    args: options.command,
    env: Array.from(environment, ([name, value]) => `${name}=${value}`),
    cwd: options.cwd ?? process.cwd,
  };
}
