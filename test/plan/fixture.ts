import type { ImageConfig } from '../../src/images/image.js';
import type { Container, Pod, PodSpec } from '../../src/manifest/pod.js';
import type { ContainerPlanInput, PodPaths } from '../../src/plan/plan.js';

export const container = (fields: Partial<Container> = {}): Container => ({
  name: 'web',
  image: 'docker.io/library/busybox:1.28',
  imagePullPolicy: 'IfNotPresent',
  resources: {},
  ...fields,
});

export const pod = (
  containers: readonly Container[] = [container()],
  spec: Partial<PodSpec> = {},
  name = 'web',
): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { containers, restartPolicy: 'Always', terminationGracePeriodSeconds: 30, dnsPolicy: 'ClusterFirst', ...spec },
});

export const image = (fields: Partial<ImageConfig> = {}): ImageConfig => ({ env: [], cmd: ['sh'], ...fields });

export const paths: PodPaths = {
  hosts: '/run/podrun/pods/u/hosts',
  hostname: '/run/podrun/pods/u/hostname',
  resolvConf: '/run/podrun/pods/u/resolv.conf',
  shm: '/run/podrun/pods/u/shm',
  volumes: { data: '/var/lib/podrun/pods/u/volumes/data', more: '/var/lib/podrun/pods/u/volumes/more' },
  cgroup: 'podrun/podu/web.0',
};

/** Everything planContainer takes, for one container of a Pod of its own. */
export function planInput(
  containerFields: Partial<Container> = {},
  imageFields: Partial<ImageConfig> = {},
  rest: Partial<ContainerPlanInput> = {},
): ContainerPlanInput {
  const only = container(containerFields);
  return {
    pod: pod([only]),
    container: only,
    image: image(imageFields),
    users: { passwd: 'root:x:0:0:root:/root:/bin/sh\n', group: 'root:x:0:\n' },
    paths,
    machine: { memoryBytes: 16 * 2 ** 30, cpus: 2, arch: 'x64' },
    ...rest,
  };
}
