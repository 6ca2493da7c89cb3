/** An agent's configuration on a real node: from its Node object, the cluster's ServiceCIDRs and the settings. Pure. */
import type { Node, ServiceCidr } from '../../kube/types.ts';
import type { Address, Link } from '../../linux/netlink/route-netlink.ts';
import { equalIp, formatIp } from '../../net/ip.ts';
import { TendrilError } from '../../util/errors.ts';
import { type AgentConfig, validateAgentConfig } from '../config.ts';
import { nodeFacts } from '../node-facts.ts';
import type { PodSettings } from './settings.ts';

/** The same in the pod and on the node: what the runtime is told of them is true for it too. */
export const podPaths = {
  kubeconfig: '/run/tendril/kubeconfig',
  cniSocket: '/run/tendril/cni.sock',
  stateDirectory: '/var/lib/tendril',
  bpfDirectory: '/sys/fs/bpf/tendril',
  cniConfDirectory: '/etc/cni/net.d',
  cniBinDirectory: '/opt/cni/bin',
} as const;

/** HTTP on the node: /healthz, /readyz, /metrics. Where the manifest's probes ask. */
export const podStatusPort = 9879;

export interface PodSituation {
  node: Node;
  /** None where the cluster has no such objects. */
  serviceCidrs: readonly ServiceCidr[];
  settings: PodSettings;
  links: readonly Link[];
  addresses: readonly Address[];
  objectsDirectory: string;
  cgroup: string;
}

/** @throws TendrilError BAD_INPUT telling what is still unknown, and what to do */
export function planPodConfig(situation: PodSituation): AgentConfig {
  const { node, settings, objectsDirectory, cgroup } = situation;
  const { apiServers: _, ...told } = settings;
  return validateAgentConfig({
    ...podPaths,
    ...{ objectsDirectory, cgroup },
    nodeName: node.metadata.name,
    uplink: uplinkOf(situation),
    serviceCidrs: serviceCidrsOf(situation),
    statusPort: podStatusPort,
    ...told,
  } satisfies AgentConfig);
}

function uplinkOf({ node, settings, links, addresses }: PodSituation): string {
  if (settings.uplink !== undefined) return settings.uplink;
  const { internalIps } = nodeFacts(node);
  for (const internal of internalIps) {
    const link = addresses.find(({ ip }) => equalIp(ip, internal))?.link;
    const name = links.find(({ index }) => index === link)?.name;
    if (name !== undefined) return name;
  }
  throw new TendrilError(
    'BAD_INPUT',
    `no interface has the InternalIP of the node (${internalIps.map(formatIp).join(', ') || 'it has none'})`,
    { remedy: "Start the kubelet with --node-ip, or set `uplink` in the agent's settings." },
  );
}

/** Of the ServiceCIDR that the API server makes; others are followed while the agent runs. */
function serviceCidrsOf({ settings, serviceCidrs }: PodSituation): string[] {
  const first = serviceCidrs.find(({ metadata }) => metadata.name === 'kubernetes') ?? serviceCidrs[0];
  const cidrs = settings.serviceCidrs ?? first?.spec?.cidrs ?? [];
  if (cidrs.length > 0) return [...cidrs];
  throw new TendrilError('BAD_INPUT', 'the cluster does not tell its Service CIDRs', {
    remedy: "Set `serviceCidrs` in the agent's settings to kube-apiserver's --service-cluster-ip-range.",
  });
}
