import type { Checked, Draft } from './check.js';
import type {
  Container,
  ContainerPort,
  EnvVar,
  Job,
  ObjectMeta,
  Pod,
  PodSpec,
  PullPolicy,
  ResourceRequirements,
  Volume,
  VolumeMount,
} from './pod.js';
import { formatQuantity, parseQuantity, roundToMilli } from './quantity.js';

/** Five random characters for a generateName. */
export type RandomSuffix = () => string;

/**
 * What the API server's defaulting does to a Pod, on one that has passed validation.
 * @see k8s.io/kubernetes pkg/apis/core/v1/defaults.go
 */
export function defaultPod(draft: Draft<Pod>, randomSuffix: RandomSuffix): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: defaultMeta(draft.metadata ?? {}, randomSuffix),
    spec: defaultPodSpec(draft.spec ?? {}),
  };
}

export function defaultJob(draft: Draft<Job>, randomSuffix: RandomSuffix): Job {
  const { backoffLimit = 6, template = {} } = draft.spec ?? {};
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: defaultMeta(draft.metadata ?? {}, randomSuffix),
    // Owner references are the only part of the metadata in which a field could be missing, and validation has seen them.
    spec: {
      backoffLimit,
      template: {
        metadata: (template.metadata ?? {}) as Partial<ObjectMeta>,
        spec: defaultPodSpec(template.spec ?? {}),
      },
    },
  };
}

function defaultMeta(draft: Draft<ObjectMeta>, randomSuffix: RandomSuffix): ObjectMeta {
  const { name, namespace, generateName } = draft;
  // 58 characters and the five make a name that still is a DNS label (k8s.io/apiserver pkg/storage/names).
  const generated = generateName !== undefined ? `${generateName.slice(0, 58)}${randomSuffix()}` : '';
  return { ...(draft as Partial<ObjectMeta>), name: name ?? generated, namespace: namespace ?? 'default' };
}

/** Fields that are not acted on are kept as they are, to be shown. */
function defaultPodSpec(draft: Draft<PodSpec>): PodSpec {
  const {
    containers = [],
    initContainers,
    volumes,
    restartPolicy,
    terminationGracePeriodSeconds,
    dnsPolicy,
    ...rest
  } = withoutImplied(draft);
  return {
    ...rest,
    containers: containers.map(defaultContainer),
    ...(initContainers === undefined ? {} : { initContainers: initContainers.map(defaultContainer) }),
    ...(volumes === undefined ? {} : { volumes: volumes.map(defaultVolume) }),
    restartPolicy: restartPolicy ?? 'Always',
    terminationGracePeriodSeconds: terminationGracePeriodSeconds ?? 30,
    dnsPolicy: dnsPolicy ?? 'ClusterFirst',
  };
}

/** Leaves out what holds for every Pod here and has no place in the typed one. */
function withoutImplied(spec: Draft<PodSpec>): Draft<PodSpec> {
  const { os: _os, securityContext: _security, enableServiceLinks: _links, ...rest } = spec as Draft<PodSpec> & Checked;
  return rest;
}

/** A volume with no source at all is an emptyDir. */
function defaultVolume(volume: Draft<Volume>): Volume {
  return { name: volume.name ?? '', emptyDir: {} };
}

function defaultContainer(draft: Draft<Container>): Container {
  const { securityContext: _, ...container } = draft as Draft<Container> & Checked;
  const { name = '', image = '', imagePullPolicy, ports, env, resources, volumeMounts, ...rest } = container;
  return {
    ...rest,
    name,
    image,
    imagePullPolicy: imagePullPolicy ?? defaultPullPolicy(image),
    ...(ports === undefined ? {} : { ports: ports.map(defaultPort) }),
    ...(env === undefined ? {} : { env: env.map(defaultEnv) }),
    resources: defaultResources(resources ?? {}),
    ...(volumeMounts === undefined ? {} : { volumeMounts: volumeMounts.map(defaultMount) }),
  };
}

/** By the tag alone, and for good: an image edit later does not change it. */
function defaultPullPolicy(image: string): PullPolicy {
  if (image.includes('@')) return 'IfNotPresent';
  const tag = /:([^/:]*)$/.exec(image)?.[1];
  return tag === undefined || tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function defaultPort(port: Draft<ContainerPort>): ContainerPort {
  return { ...port, containerPort: port.containerPort ?? 0, protocol: port.protocol ?? 'TCP' };
}

function defaultEnv(env: Draft<EnvVar>): EnvVar {
  return { name: env.name ?? '', value: env.value ?? '' };
}

function defaultMount(mount: Draft<VolumeMount>): VolumeMount {
  return { ...mount, name: mount.name ?? '', mountPath: mount.mountPath ?? '' };
}

/** A limit without a request is the request too, each resource for itself. */
function defaultResources({ limits, requests }: Draft<ResourceRequirements>): ResourceRequirements {
  return {
    ...(limits === undefined ? {} : { limits: canonical(limits) }),
    ...(limits === undefined && requests === undefined ? {} : { requests: canonical({ ...limits, ...requests }) }),
  };
}

function canonical(amounts: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const list: Record<string, string> = {};
  for (const [name, amount] of Object.entries(amounts)) {
    if (amount !== undefined) list[name] = formatQuantity(roundToMilli(parseQuantity(amount)));
  }
  return list;
}
