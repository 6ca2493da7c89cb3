/**
 * What can be chosen of Tendril on a cluster, by the names of `tendril install --set` and of the chart's values: flat, each
 * with its type, its default and what it means. values.schema.json and values.yaml of the chart are made of this.
 */

export type ValueType = 'string' | 'path' | 'port' | 'strings' | 'cidrs' | 'urls' | 'sizes';

export interface ValueEntry {
  type: ValueType;
  /** One sentence or two. */
  description: string;
  /** The only ones that there are. */
  oneOf?: readonly string[];
  /** A setting of the agent's (src/agent/pod/settings.ts): told to it only where it is given. */
  agent?: true;
}

export const valueCatalogue = {
  image: { type: 'string', description: 'The image, with its tag or digest.' },
  imagePullSecrets: {
    type: 'strings',
    description: 'Secrets in tendril-system and kube-system by which the image is pulled.',
  },
  cgroup: {
    type: 'path',
    description: 'Where nodes have their cgroup2 hierarchy: /sys/fs/cgroup/unified beside version 1.',
  },
  kubeletConfig: {
    type: 'path',
    description: "On every node: the kubelet's kubeconfig, which tells where the API server is.",
  },
  zone: { type: 'string', description: 'The cluster zone of cluster DNS.' },
  uplink: {
    ...{ type: 'string', agent: true },
    description: "The interface to the other nodes; the one that has the Node's InternalIP unless given.",
  },
  apiServers: {
    ...{ type: 'urls', agent: true },
    description:
      "Where agents reach the API server without Services, where the kubelet's kubeconfig does not tell.",
  },
  serviceCidrs: {
    ...{ type: 'cidrs', agent: true },
    description: "kube-apiserver's --service-cluster-ip-range, where there are no ServiceCIDR objects.",
  },
  clusterPodCidrs: {
    ...{ type: 'cidrs', agent: true },
    description: 'What is never masqueraded, one CIDR a family; those of all nodes unless given.',
  },
  startupTaint: {
    ...{ type: 'string', agent: true },
    description: 'Key of a taint that agents remove from their nodes once pods can start.',
  },
  xdp: {
    ...{ type: 'string', agent: true, oneOf: ['off', 'native', 'generic'] },
    description: 'Whether XDP sends on at the uplink: in the driver, or behind any driver; off unless given.',
  },
  podForwarding: {
    ...{ type: 'string', agent: true, oneOf: ['direct', 'stack'] },
    description: "Whether packets to a node's pods pass its stack, and so its firewall; direct unless given.",
  },
  dnsFastPath: {
    ...{ type: 'string', agent: true, oneOf: ['on', 'off'] },
    description:
      'Whether the kernel answers for the cluster zone where the Corefile lets it; on unless given.',
  },
  nodePortAddresses: {
    ...{ type: 'strings', agent: true },
    description: 'CIDRs whose addresses serve NodePorts, or the one word primary; all unless given.',
  },
  healthzPort: {
    ...{ type: 'port', agent: true },
    description: "Where nodes answer load balancers' health checks as kube-proxy does; 10256 unless given.",
  },
  cniConfDirectory: {
    ...{ type: 'path', agent: true },
    description: "The container runtime's directory of CNI configurations; /etc/cni/net.d unless given.",
  },
  cniBinDirectory: {
    ...{ type: 'path', agent: true },
    description: "The container runtime's directory of CNI programs; /opt/cni/bin unless given.",
  },
  mapSizes: {
    ...{ type: 'sizes', agent: true },
    description: "Room of the datapath's maps by name, where the defaults do not suit.",
  },
} as const satisfies Record<string, ValueEntry>;

export type ValueName = keyof typeof valueCatalogue;
