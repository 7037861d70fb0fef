import { type Fields, int32, int64, list, map, object, oneOf, required, string } from './field.js';

const podTerms = {
  requiredDuringSchedulingIgnoredDuringExecution: list('PodAffinityTerm'),
  preferredDuringSchedulingIgnoredDuringExecution: list('WeightedPodAffinityTerm'),
};

/** What only a scheduler reads: checked for form, then not acted on. k8s.io/api core/v1 and meta/v1, v0.36. */
export const schedulingTypes = {
  Affinity: {
    nodeAffinity: object('NodeAffinity'),
    podAffinity: object('PodAffinity'),
    podAntiAffinity: object('PodAntiAffinity'),
  },
  NodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: object('NodeSelector'),
    preferredDuringSchedulingIgnoredDuringExecution: list('PreferredSchedulingTerm'),
  },
  PodAffinity: podTerms,
  PodAntiAffinity: podTerms,
  NodeSelector: { nodeSelectorTerms: required(list('NodeSelectorTerm')) },
  NodeSelectorTerm: { matchExpressions: list('NodeSelectorRequirement'), matchFields: list('NodeSelectorRequirement') },
  NodeSelectorRequirement: {
    key: required(string),
    operator: required(oneOf('In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt')),
    values: list(string),
  },
  PreferredSchedulingTerm: { weight: required(int32), preference: required(object('NodeSelectorTerm')) },
  WeightedPodAffinityTerm: { weight: required(int32), podAffinityTerm: required(object('PodAffinityTerm')) },
  PodAffinityTerm: {
    labelSelector: object('LabelSelector'),
    namespaces: list(string),
    topologyKey: required(string),
    namespaceSelector: object('LabelSelector'),
    matchLabelKeys: list(string),
    mismatchLabelKeys: list(string),
  },
  LabelSelector: { matchLabels: map(string), matchExpressions: list('LabelSelectorRequirement') },
  LabelSelectorRequirement: {
    key: required(string),
    operator: required(oneOf('In', 'NotIn', 'Exists', 'DoesNotExist')),
    values: list(string),
  },
  Toleration: {
    key: string,
    operator: oneOf('Exists', 'Equal', 'Lt', 'Gt'),
    value: string,
    effect: oneOf('NoSchedule', 'PreferNoSchedule', 'NoExecute'),
    tolerationSeconds: int64,
  },
  TopologySpreadConstraint: {
    maxSkew: required(int32),
    topologyKey: required(string),
    whenUnsatisfiable: required(oneOf('DoNotSchedule', 'ScheduleAnyway')),
    labelSelector: object('LabelSelector'),
    minDomains: int32,
    nodeAffinityPolicy: oneOf('Honor', 'Ignore'),
    nodeTaintsPolicy: oneOf('Honor', 'Ignore'),
    matchLabelKeys: list(string),
  },
  PodSchedulingGroup: { podGroupName: string },
} as const satisfies Readonly<Record<string, Fields>>;
