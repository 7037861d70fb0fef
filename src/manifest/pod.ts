/**
 * The typed Pod, as it leaves the manifest stage: validated and with the API's defaults filled in. Field names and
 * meanings are those of k8s.io/api core/v1 (v0.36). Only what podrun acts on is typed; a manifest that uses
 * another field is refused before this type exists.
 */
export interface Pod {
  readonly apiVersion: 'v1';
  readonly kind: 'Pod';
  readonly metadata: ObjectMeta;
  readonly spec: PodSpec;
}

export interface ObjectMeta {
  readonly name: string;
  /** Defaulted to "default". */
  readonly namespace: string;
  readonly generateName?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export type RestartPolicy = 'Always' | 'OnFailure' | 'Never';
export type PullPolicy = 'Always' | 'IfNotPresent' | 'Never';

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly Volume[];
  readonly restartPolicy: RestartPolicy;
  readonly terminationGracePeriodSeconds: number;
  readonly hostname?: string;
  readonly dnsPolicy: 'ClusterFirst' | 'Default';
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly imagePullPolicy: PullPolicy;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly workingDir?: string;
  readonly env?: readonly EnvVar[];
  readonly ports?: readonly ContainerPort[];
  readonly resources: ResourceRequirements;
  readonly volumeMounts?: readonly VolumeMount[];
}

export interface EnvVar {
  readonly name: string;
  /** Defaulted to "". */
  readonly value: string;
}

export interface ContainerPort {
  readonly name?: string;
  readonly containerPort: number;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
}

/** Quantities in canonical form ("500m", "200Mi"); requests defaulted from limits. */
export interface ResourceRequirements {
  readonly limits?: { readonly cpu?: string; readonly memory?: string };
  readonly requests?: { readonly cpu?: string; readonly memory?: string };
}

export interface Volume {
  readonly name: string;
  /** A volume with no source at all is an emptyDir (API VolumeSource). */
  readonly emptyDir: Record<string, never>;
}

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
}

/** A Job, as far as one machine needs it: batch/v1 JobSpec. */
export interface Job {
  readonly apiVersion: 'batch/v1';
  readonly kind: 'Job';
  readonly metadata: ObjectMeta;
  readonly spec: {
    /** Defaulted to 6. */
    readonly backoffLimit: number;
    readonly template: { readonly metadata: Partial<ObjectMeta>; readonly spec: PodSpec };
  };
}

export type Workload = Pod | Job;

/** What one text of one or more documents holds. */
export interface ManifestFile {
  readonly workloads: readonly Workload[];
  /** One line each, with position, for fields that mean nothing on one machine; to be shown once. */
  readonly notices: readonly string[];
}
