/**
 * /etc/resolv.conf by dnsPolicy and dnsConfig: servers, search domains and options in kubelet's order, with its
 * limits (3 servers, 32 search domains of 2048 characters in all).
 */
import type { Pod } from '../../kube/types.ts';

export interface ResolvConf {
  nameservers: string[];
  searches: string[];
  options: string[];
}

export interface DnsSettings {
  /** Cluster DNS addresses; the families the pod lacks are for the caller to leave out. */
  clusterDns: readonly string[];
  clusterDomain: string;
  /** The node's own resolver settings: dnsPolicy Default. */
  node: ResolvConf;
}

const maxNameservers = 3;
const maxSearches = 32;
const maxSearchLength = 2048;

export function podResolvConf(pod: Pod, settings: DnsSettings): ResolvConf {
  return withLimits(withDnsConfig(basis(pod, settings), pod));
}

function basis(pod: Pod, { clusterDns, clusterDomain, node }: DnsSettings): ResolvConf {
  const policy = pod.spec?.dnsPolicy ?? 'ClusterFirst';
  if (policy === 'None') return { nameservers: [], searches: [], options: [] };
  const cluster =
    policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !pod.spec?.hostNetwork);
  // Without a cluster DNS kubelet falls back to the node's settings.
  if (!cluster || clusterDns.length === 0) return structuredClone(node);
  const namespace = pod.metadata.namespace ?? 'default';
  const domains = [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  return {
    nameservers: [...clusterDns],
    searches: unique([...domains, ...node.searches]),
    options: ['ndots:5'],
  };
}

function withDnsConfig(conf: ResolvConf, pod: Pod): ResolvConf {
  const config = pod.spec?.dnsConfig;
  if (!config) return conf;
  const options = new Map(conf.options.map((option) => [option.split(':')[0]!, option]));
  for (const { name, value } of config.options ?? []) {
    if (name) options.set(name, value === undefined || value === '' ? name : `${name}:${value}`);
  }
  return {
    nameservers: unique([...conf.nameservers, ...(config.nameservers ?? [])]),
    searches: unique([...conf.searches, ...(config.searches ?? [])]),
    options: [...options.values()],
  };
}

function withLimits(conf: ResolvConf): ResolvConf {
  let length = -1;
  const fits = (search: string, index: number) => {
    length += search.length + 1;
    return index < maxSearches && length <= maxSearchLength;
  };
  return {
    nameservers: conf.nameservers.slice(0, maxNameservers),
    searches: conf.searches.filter(fits),
    options: conf.options,
  };
}

function unique(values: string[]): string[] {
  return [...new Set(values)];
}

/** The file's text, lines in kubelet's order. */
export function formatResolvConf(conf: ResolvConf): string {
  const lines = [];
  if (conf.searches.length > 0) lines.push(`search ${conf.searches.join(' ')}`);
  for (const server of conf.nameservers) lines.push(`nameserver ${server}`);
  if (conf.options.length > 0) lines.push(`options ${conf.options.join(' ')}`);
  return `${lines.join('\n')}\n`;
}
