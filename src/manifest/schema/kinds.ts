/** Kinds of the API besides Pod and Job, so that a refusal can tell "not supported yet" from "no such kind". */
const known: Readonly<Record<string, string>> = {
  v1: 'Binding ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume PersistentVolumeClaim PodTemplate ReplicationController ResourceQuota Secret Service ServiceAccount',
  'apps/v1': 'ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet',
  'batch/v1': 'CronJob',
  'autoscaling/v1': 'HorizontalPodAutoscaler Scale',
  'autoscaling/v2': 'HorizontalPodAutoscaler',
  'policy/v1': 'PodDisruptionBudget Eviction',
  'networking.k8s.io/v1': 'Ingress IngressClass NetworkPolicy IPAddress ServiceCIDR',
  'rbac.authorization.k8s.io/v1': 'ClusterRole ClusterRoleBinding Role RoleBinding',
  'scheduling.k8s.io/v1': 'PriorityClass',
  'node.k8s.io/v1': 'RuntimeClass',
  'storage.k8s.io/v1': 'CSIDriver CSINode CSIStorageCapacity StorageClass VolumeAttachment VolumeAttributesClass',
  'resource.k8s.io/v1': 'DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice',
  'apiextensions.k8s.io/v1': 'CustomResourceDefinition',
  'admissionregistration.k8s.io/v1':
    'MutatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration',
  'coordination.k8s.io/v1': 'Lease',
  'certificates.k8s.io/v1': 'CertificateSigningRequest',
  'discovery.k8s.io/v1': 'EndpointSlice',
  'apiregistration.k8s.io/v1': 'APIService',
};

/** The API versions that have a kind, of those podrun has heard of. */
export function apiVersionsOf(kind: string): readonly string[] {
  return Object.keys(known).filter((version) => known[version]!.split(' ').includes(kind));
}

export function knownKinds(): readonly string[] {
  return Object.values(known).flatMap((kinds) => kinds.split(' '));
}
