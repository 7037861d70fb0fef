import type { RestartPolicy } from '../manifest/pod.js';
import type { RestartRule } from './container-runner.js';

/** Pod restartPolicy for app containers; pod-lifecycle, "How Pods handle problems with containers". */
export function appRestartRule(policy: RestartPolicy): RestartRule {
  if (policy === 'Always') return () => true;
  if (policy === 'Never') return () => false;
  return (ended) => ended.exitCode !== 0;
}

/** An init container that succeeded is done; Always means OnFailure for it. */
export function initRestartRule(policy: RestartPolicy): RestartRule {
  return (ended) => policy !== 'Never' && ended.exitCode !== 0;
}
