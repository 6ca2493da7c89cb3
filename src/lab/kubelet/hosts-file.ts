/** /etc/hosts as kubelet writes it. */
import type { Pod } from '../../kube/types.ts';
import type { PodHostname } from './hostname.ts';

const header = '# Kubernetes-managed hosts file.\n';
const hostHeader = '# Kubernetes-managed hosts file (host network).\n';

const standard = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::0\tip6-localnet',
  'fe00::0\tip6-mcastprefix',
  'fe00::1\tip6-allnodes',
  'fe00::2\tip6-allrouters',
];

export interface HostsInput {
  pod: Pod;
  name: PodHostname;
  podIps: readonly string[];
  /** The node's own file: what pods on the host network get. */
  nodeHosts: string;
}

export function hostsFile({ pod, name, podIps, nodeHosts }: HostsInput): string {
  const aliases = aliasLines(pod);
  if (pod.spec?.hostNetwork) return `${hostHeader}${nodeHosts}${aliases}`;
  const short = name.fqdn?.split('.')[0] ?? name.hostname;
  const names = name.fqdn === undefined ? name.hostname : `${name.fqdn}\t${short}`;
  const own = podIps.map((ip) => `${ip}\t${names}\n`).join('');
  return `${header}${standard.join('\n')}\n${own}${aliases}`;
}

/** A node's own /etc/hosts in the lab. */
export function nodeHostsFile(node: { name: string; ips: readonly string[] }): string {
  return `${standard.join('\n')}\n${node.ips.map((ip) => `${ip}\t${node.name}\n`).join('')}`;
}

function aliasLines(pod: Pod): string {
  const aliases = pod.spec?.hostAliases ?? [];
  if (aliases.length === 0) return '';
  const lines = aliases.map(({ ip, hostnames = [] }) => `${[ip, ...hostnames].join('\t')}\n`);
  return `\n# Entries added by HostAliases.\n${lines.join('')}`;
}
