/** An agent's configuration on a real node: from what it learned of the API, its interfaces and the settings. Pure. */
import type { Address, Link } from '../../linux/netlink/route-netlink.ts';
import { equalIp, parseIp } from '../../net/ip.ts';
import { TendrilError } from '../../util/errors.ts';
import { type AgentConfig, validateAgentConfig } from '../config.ts';
import type { Learned } from './memory.ts';
import type { PodSettings } from './settings.ts';

/** The same in the pod and on the node: what the runtime is told of them is true for it too. */
export const podPaths = {
  kubeconfig: '/run/tendril/kubeconfig',
  cniSocket: '/run/tendril/cni.sock',
  stateDirectory: '/var/lib/tendril',
  bpfDirectory: '/sys/fs/bpf/tendril',
  cniConfDirectory: '/etc/cni/net.d',
  cniBinDirectory: '/opt/cni/bin',
  cniStateDirectory: '/var/lib/cni',
} as const;

/** Which of these, and which uplink, this node's agents have used: settings may say others. */
export const usedPlacesPath = '/var/lib/tendril/used-places.json';

/** While this file is there no pod is wired, and its text says why: Tendril is being removed. */
export const holdPodsPath = '/run/tendril/hold-pods';

/** HTTP on the node: /healthz, /readyz, /metrics. Where the manifest's probes ask. */
export const podStatusPort = 9879;

export interface PodSituation {
  learned: Omit<Learned, 'server'>;
  /** Others than the one that was chosen. */
  apiServers: readonly string[];
  settings: PodSettings;
  links: readonly Link[];
  addresses: readonly Address[];
  objectsDirectory: string;
  cgroup: string;
}

/** @throws TendrilError BAD_INPUT telling what is still unknown, and what to do */
export function planPodConfig(situation: PodSituation): AgentConfig {
  const { learned, apiServers, settings, objectsDirectory, cgroup } = situation;
  return validateAgentConfig({
    ...podPaths,
    ...{ objectsDirectory, cgroup, holdPodsPath },
    nodeName: learned.nodeName,
    uplink: uplinkOf(situation),
    serviceCidrs: serviceCidrsOf(situation),
    statusPort: podStatusPort,
    ...settings,
    apiServers: [...apiServers],
  } satisfies AgentConfig);
}

function uplinkOf({ learned: { internalIps }, settings, links, addresses }: PodSituation): string {
  if (settings.uplink !== undefined) return settings.uplink;
  for (const internal of internalIps.map(parseIp)) {
    const link = addresses.find(({ ip }) => equalIp(ip, internal))?.link;
    const name = links.find(({ index }) => index === link)?.name;
    if (name !== undefined) return name;
  }
  throw new TendrilError(
    'BAD_INPUT',
    `no interface has the InternalIP of the node (${internalIps.join(', ') || 'it has none'})`,
    { remedy: "Start the kubelet with --node-ip, or set `uplink` in the agent's settings." },
  );
}

function serviceCidrsOf({ learned, settings }: PodSituation): string[] {
  const cidrs = settings.serviceCidrs ?? learned.serviceCidrs;
  if (cidrs.length > 0) return [...cidrs];
  throw new TendrilError('BAD_INPUT', 'the cluster does not tell its Service CIDRs', {
    remedy: "Set `serviceCidrs` in the agent's settings to kube-apiserver's --service-cluster-ip-range.",
  });
}
