import { PodrunError } from '../errors.js';
import { podHostname } from './hosts.js';
import { containerMounts } from './mounts.js';
import type { OciConfig, OciProcess } from './oci.js';
import type { ContainerPlan, ContainerPlanInput, Machine } from './plan.js';
import { processArguments } from './process/arguments.js';
import { manifestVariables, processEnvironment } from './process/environment.js';
import { resolveUser } from './process/user.js';
import { containerLimits, oomScoreAdj } from './resources.js';
import { defaultSeccompPlan } from './seccomp.js';
import { capabilitySets, defaultCapabilities, maskedPaths, readonlyPaths } from './security.js';
import { stopSignalNumber } from './signal.js';

/**
 * Everything the runtime needs to know to start one container.
 * @throws ERR_PODRUN_NO_COMMAND, ERR_PODRUN_USER, ERR_PODRUN_IMAGE_CONFIG (STOPSIGNAL, NUL), ERR_PODRUN_MANIFEST_INVALID
 *   (a mount that cannot be, NUL), ERR_PODRUN_SECCOMP (no profile for this architecture)
 */
export function planContainer(input: ContainerPlanInput): ContainerPlan {
  const { pod, container, image, machine, paths } = input;
  const config: OciConfig = {
    ociVersion: '1.2.0',
    process: planProcess(input),
    root: { path: 'rootfs', readonly: false },
    mounts: containerMounts(container, paths),
    linux: {
      namespaces: [{ type: 'pid' }, { type: 'mount' }, { type: 'cgroup' }],
      maskedPaths: maskedPaths(machine.cpus),
      readonlyPaths,
      cgroupsPath: paths.cgroup,
      rootfsPropagation: 'private',
    },
    // The names containerd's CRI gives them, for tools that read bundles. Nothing of the image's labels comes here.
    annotations: {
      'io.kubernetes.cri.container-type': 'container',
      'io.kubernetes.cri.container-name': container.name,
      'io.kubernetes.cri.sandbox-name': pod.metadata.name,
      'io.kubernetes.cri.sandbox-namespace': pod.metadata.namespace,
    },
  };
  return {
    config,
    limits: containerLimits(pod, container),
    stopSignal: stopSignalNumber(image.stopSignal),
    seccomp: defaultSeccompPlan(defaultCapabilities, machine.arch ?? process.arch),
  };
}

function planProcess({ pod, container, image, users, machine }: ContainerPlanInput): OciProcess {
  const { home, ...user } = resolveUser(image.user ?? '', users);
  const variables = manifestVariables(container.env);
  const env = processEnvironment({
    hostname: podHostname(pod),
    image: image.env,
    variables,
    home,
    terminal: false,
  });
  const args = processArguments(container, image, variables);
  const cwd = absolute(container.workingDir || image.workingDir || '/');
  refuseNul(container.name, [...args, ...env, cwd]);
  return {
    terminal: false,
    user,
    args,
    env,
    cwd,
    capabilities: capabilitySets(defaultCapabilities),
    ...noFileLimit(machine),
    noNewPrivileges: false,
    oomScoreAdj: oomScoreAdj(pod, container, machine.memoryBytes),
  };
}

/**
 * Node raises its own soft limit of open files to the hard one (node::PlatformInit), and containers would inherit that:
 * programs that walk all possible descriptors, or use select(2), are slow or wrong with a high one. systemd's default
 * soft limit, which containerd 2 runs under, is 1024; programs that need more raise it themselves.
 */
function noFileLimit({ noFileHard }: Machine): Pick<OciProcess, 'rlimits'> {
  if (noFileHard === undefined) return {};
  return { rlimits: [{ type: 'RLIMIT_NOFILE', hard: noFileHard, soft: Math.min(1024, noFileHard) }] };
}

function absolute(path: string): string {
  return path.startsWith('/') ? path : `/${path}`;
}

/** The kernel would read such a string as ending there: another program, or another value, than was written. */
function refuseNul(container: string, texts: readonly string[]): void {
  const bad = texts.find((text) => text.includes('\0'));
  if (bad === undefined) return;
  throw new PodrunError(
    'ERR_PODRUN_MANIFEST_INVALID',
    `a NUL character in command, env or workingDir of container "${container}": ${JSON.stringify(bad)}`,
    { container },
  );
}
