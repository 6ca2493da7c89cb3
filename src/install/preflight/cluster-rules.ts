/** What a cluster's own objects say against an installation. Pure. */
import type { Node } from '../../kube/types.ts';
import { type Cidr, cidrContains, cidrsOverlap, formatCidr, parseCidr } from '../../net/cidr.ts';
import { parseIp } from '../../net/ip.ts';
import type { Problem } from '../problem.ts';
import { type ClusterView, type FoundNetwork, workloadText } from './cluster-view.ts';

/** What the command line agreed to have replaced. */
export interface Replacements {
  kubeProxy: boolean;
  cni: boolean;
  dns: boolean;
}

/** ValidatingAdmissionPolicies, and tokens that tell the node: what keeps agents to their own Nodes. */
const oldestVersion = [1, 30] as const;

export function judgeCluster(
  view: ClusterView,
  found: FoundNetwork,
  { replace, serviceCidrs }: { replace: Replacements; serviceCidrs?: readonly string[] },
): Problem[] {
  return [
    ...judgeVersion(view.version),
    ...judgeFound(found, replace),
    ...view.nodes.flatMap(judgeNode),
    ...judgeAddresses(view, serviceCidrs),
    ...(view.nodes.some(isLinux) ? [] : [{ what: 'there is no Linux node', remedy: 'Join one first.' }]),
  ];
}

export function isLinux({ metadata, status }: Node): boolean {
  const os = metadata.labels?.['kubernetes.io/os'] ?? status?.nodeInfo?.operatingSystem;
  return os === 'linux';
}

function judgeVersion(version: string): Problem[] {
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(version) ?? [];
  const known = major !== undefined && minor !== undefined;
  const [wantedMajor, wantedMinor] = oldestVersion;
  if (known && (Number(major) - wantedMajor || Number(minor) - wantedMinor) >= 0) return [];
  return [
    {
      what: `the API server is of version ${version || 'unknown'}`,
      remedy: `Tendril needs Kubernetes ${wantedMajor}.${wantedMinor} or newer.`,
    },
  ];
}

function judgeFound(found: FoundNetwork, replace: Replacements): Problem[] {
  const { kubeProxy, plugins, dns, nodeLocalDns } = found;
  const ask = (what: string, flag: string) => ({
    what,
    remedy: `Have Tendril take its place with ${flag}, or remove it first.`,
  });
  return [
    ...(kubeProxy && !replace.kubeProxy
      ? [ask(`kube-proxy serves Services: ${workloadText(kubeProxy)}`, '--replace-kube-proxy')]
      : []),
    ...(replace.cni
      ? []
      : plugins.map((one) => ask(`a network plugin is there: ${workloadText(one)}`, '--replace-cni'))),
    ...(dns && !replace.dns ? [ask(`${workloadText(dns)} answers cluster DNS`, '--replace-dns')] : []),
    ...(nodeLocalDns
      ? [
          {
            what: `NodeLocal DNSCache is there: ${workloadText(nodeLocalDns)}`,
            remedy:
              'It goes on as a cache before cluster DNS; Tendril answers in the kernel without it: it can be removed.',
            warning: true as const,
          },
        ]
      : []),
  ];
}

function judgeNode(node: Node): Problem[] {
  const { name } = node.metadata;
  if (!isLinux(node)) return [];
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  const { podCIDR, podCIDRs = podCIDR ? [podCIDR] : [] } = node.spec ?? {};
  const addresses = node.status?.addresses ?? [];
  return [
    ...(ready?.status === 'Unknown'
      ? [
          {
            what: `${name}: its kubelet does not report`,
            remedy: 'Start it, or remove the Node: kubectl delete node.',
          },
        ]
      : []),
    ...(podCIDRs.length === 0
      ? [
          {
            what: `${name}: the Node has no pod CIDR`,
            remedy:
              'Run kube-controller-manager with --allocate-node-cidrs and --cluster-cidr (kubeadm: networking.podSubnet).',
          },
        ]
      : []),
    ...(addresses.some(({ type }) => type === 'InternalIP')
      ? []
      : [{ what: `${name}: the Node has no InternalIP`, remedy: 'Start its kubelet with --node-ip.' }]),
  ];
}

interface Named {
  what: string;
  cidr: Cidr;
}

function judgeAddresses(view: ClusterView, told: readonly string[] | undefined): Problem[] {
  const service = told ?? view.serviceCidrs.flatMap(({ spec }) => spec?.cidrs ?? []);
  const services = service.map((text): Named => ({ what: `Service CIDR ${text}`, cidr: parseCidr(text) }));
  const pods = view.nodes.flatMap(({ metadata, spec }) => {
    const cidrs = spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : []);
    return cidrs.map((text): Named => {
      const cidr = parseCidr(text);
      return { what: `pod CIDR ${formatCidr(cidr)} of ${metadata.name}`, cidr };
    });
  });
  return [
    ...(services.length === 0
      ? [
          {
            what: 'the cluster does not tell its Service CIDRs',
            remedy: "Set serviceCidrs to kube-apiserver's --service-cluster-ip-range.",
          },
        ]
      : []),
    ...overlaps(pods, services),
    ...nodeOverlaps(view.nodes, [...pods, ...services]),
    ...familyProblems(pods, services),
  ];
}

function overlaps(pods: readonly Named[], services: readonly Named[]): Problem[] {
  const pairs = pods.flatMap((pod, i) =>
    [...pods.slice(i + 1), ...services]
      .filter((other) => cidrsOverlap(pod.cidr, other.cidr))
      .map((other) => [pod, other]),
  );
  return pairs.map(([one, other]) => ({
    what: `${one!.what} and ${other!.what} overlap`,
    remedy: 'Give the cluster pod and Service CIDRs apart; that takes nodes that join anew.',
  }));
}

function nodeOverlaps(nodes: readonly Node[], cidrs: readonly Named[]): Problem[] {
  return nodes.flatMap(({ metadata, status }) =>
    (status?.addresses ?? [])
      .filter(({ type }) => type === 'InternalIP')
      .flatMap(({ address }) =>
        cidrs
          .filter(({ cidr }) => cidrContains(cidr, parseIp(address)))
          .map(({ what }) => ({
            what: `${metadata.name}: its address ${address} lies in the ${what}`,
            remedy: 'Give the cluster CIDRs that no node has an address of.',
          })),
      ),
  );
}

/** One family's Services without that family's pods answer nobody. */
function familyProblems(pods: readonly Named[], services: readonly Named[]): Problem[] {
  if (pods.length === 0) return [];
  const families = (all: readonly Named[]) => new Set(all.map(({ cidr }) => cidr.ip.family));
  const missing = [...families(services)].filter((family) => !families(pods).has(family));
  return missing.map((family) => ({
    what: `Services have IPv${family} addresses and pods have none`,
    remedy:
      'Give pods a CIDR of that family too (kubeadm: networking.podSubnet), or Services of that family no endpoints.',
    warning: true as const,
  }));
}
