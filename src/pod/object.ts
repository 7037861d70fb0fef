import type { Pod } from '../manifest/pod.js';
import { seconds } from './container-status.js';
import type { PodStatus } from './status.js';

export interface DeletionRequest {
  readonly deletionTimestamp: string;
  readonly deletionGracePeriodSeconds: number;
}

/** The Pod as the API shows it: what `ps -o json` prints and what is kept on disk. */
export interface ApiPod extends Pod {
  readonly metadata: Pod['metadata'] & {
    readonly uid: string;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
    readonly deletionGracePeriodSeconds?: number;
  };
  readonly status: PodStatus;
}

export function apiPod(
  pod: Pod,
  uid: string,
  createdAt: Date,
  status: PodStatus,
  deletion: DeletionRequest | undefined,
): ApiPod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...pod.metadata, uid, creationTimestamp: seconds(createdAt), ...deletion },
    spec: pod.spec,
    status,
  };
}
