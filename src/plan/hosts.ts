import type { Pod } from '../manifest/pod.js';

/** Linux takes 64 (sethostname(2)); the kubelet stays within a DNS label. */
const maxHostname = 63;

/**
 * spec.hostname, or the Pod's name cut to a DNS label.
 * @see kubernetes pkg/kubelet/kubelet_pods.go, truncatePodHostnameIfNeeded
 */
export function podHostname(pod: Pod): string {
  const name = pod.spec.hostname || pod.metadata.name;
  return name.length <= maxHostname ? name : name.slice(0, maxHostname).replace(/[-.]+$/, '');
}

/**
 * Text of the Pod's /etc/hosts, as the kubelet writes it. A Pod without an address finds its own name on loopback.
 * @see kubernetes pkg/kubelet/kubelet_pods.go, managedHostsFileContent
 */
export function hostsFile(hostname: string, address = '127.0.0.1'): string {
  return [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    `${address}\t${hostname}`,
    '',
  ].join('\n');
}
