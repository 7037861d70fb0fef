import type { Pod } from '../manifest/pod.js';
import { hostsFile, podHostname } from './hosts.js';
import type { SandboxPlan } from './plan.js';
import { podResolvConf } from './resolv-conf.js';

export interface SandboxPlanOptions {
  /** The Pod's address, when it has one. */
  readonly address?: string | undefined;
  /**
   * Text of the host's resolv.conf. Where that is a stub for systemd-resolved (nameserver 127.0.0.53), the caller
   * passes /run/systemd/resolve/resolv.conf, which has the servers behind it.
   */
  readonly resolvConf: string;
}

/** What the Pod's sandbox needs before any container runs. */
export function planSandbox(pod: Pod, options: SandboxPlanOptions): SandboxPlan {
  const hostname = podHostname(pod);
  const { text, problems } = podResolvConf(options.resolvConf);
  const events = problems.map((message) => ({ reason: 'DNSConfigForming', message }));
  if (pod.spec.dnsPolicy === 'ClusterFirst') {
    events.unshift({
      reason: 'MissingClusterDNS',
      message:
        "there is no cluster DNS on one machine: dnsPolicy ClusterFirst uses the host's resolv.conf, as Default does",
    });
  }
  return {
    hostname,
    hosts: hostsFile(hostname, options.address),
    hostnameFile: `${hostname}\n`,
    resolvConf: text,
    events,
  };
}
