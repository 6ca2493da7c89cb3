/**
 * Whether what nodes have on disk, and what the API says of pods and nodes, are one and the same: who holds each address,
 * and what does not fit. Pure.
 */
import { cidrContains, cidrsOverlap, parseCidr } from '../net/cidr.ts';
import { parseIp } from '../net/ip.ts';

/** An attachment's addresses, as its node's agent has them on disk. */
export interface AuditedAllocation {
  containerId: string;
  ifName: string;
  ips: readonly string[];
  confirmed: boolean;
  /** Of whoever asked for them; absent where the runtime did not say. */
  namespace?: string;
  pod?: string;
  uid?: string;
}

export interface AuditedNode {
  name: string;
  /** Of the Node object. */
  podCidrs: readonly string[];
  /** Absent: the node's agent was not to be asked, and nothing is said of it. */
  agent?: { cidrs: readonly string[]; allocations: readonly AuditedAllocation[] };
}

/** A pod with a network of its own that has not ended. */
export interface AuditedPod {
  namespace: string;
  name: string;
  uid: string;
  node: string;
  /** Of its status; none until kubelet has told. */
  ips: readonly string[];
}

export type FindingKind =
  | 'leaked'
  | 'unallocated'
  | 'different'
  | 'duplicate'
  | 'outside'
  | 'overlap'
  | 'other-cidrs';

export interface Finding {
  kind: FindingKind;
  node: string;
  /** What is wrong, in a sentence. */
  message: string;
  remedy: string;
}

const remedies: Record<FindingKind, string> = {
  leaked:
    'remove its sandbox on the node (crictl stopp, crictl rmp); of one that the runtime does not know, its next GC frees the addresses',
  unallocated: 'delete the pod: what takes its place gets an address that nobody else can get',
  different: 'delete the pod: its network is not the one that its node made',
  duplicate: 'delete the younger of the two: what takes its place gets an address of its own',
  outside:
    'delete the pod when it suits: the Node object was made anew with other podCIDRs, and routes lead to these',
  overlap:
    'drain one of the nodes and delete its Node object: the controller manager gives it other podCIDRs',
  'other-cidrs': "see the agent's log: it takes Node.spec.podCIDRs over as soon as the API tells of them",
};

export function auditAddresses(nodes: readonly AuditedNode[], pods: readonly AuditedPod[]): Finding[] {
  return [
    ...nodes.flatMap((node) => [
      ...otherCidrs(node),
      ...outsideFindings(node),
      ...ownerFindings(
        node,
        pods.filter((pod) => pod.node === node.name),
      ),
    ]),
    ...overlaps(nodes),
    ...duplicates(nodes, pods),
  ];
}

function finding(kind: FindingKind, node: string, message: string): Finding {
  return { kind, node, message, remedy: remedies[kind] };
}

/** Whose it is, for people. */
export function ownerOf({ namespace, pod, containerId }: AuditedAllocation): string {
  return pod === undefined ? `container ${containerId}` : `${namespace}/${pod}`;
}

/** By uid where the runtime gave it; else the pod of the name. */
export function isOwnedBy(allocation: AuditedAllocation, pod: AuditedPod): boolean {
  if (allocation.uid) return allocation.uid === pod.uid;
  return allocation.namespace === pod.namespace && allocation.pod === pod.name;
}

function otherCidrs({ name, podCidrs, agent }: AuditedNode): Finding[] {
  if (agent === undefined || sorted(agent.cidrs) === sorted(podCidrs)) return [];
  const [has, says] = [agent.cidrs, podCidrs].map((cidrs) => cidrs.join(', ') || 'none');
  return [
    finding('other-cidrs', name, `the agent gives addresses of ${has}, and the Node object says ${says}`),
  ];
}

function outsideFindings({ name, podCidrs, agent }: AuditedNode): Finding[] {
  const cidrs = podCidrs.map((cidr) => parseCidr(cidr));
  return (agent?.allocations ?? []).flatMap((allocation) =>
    allocation.ips
      .filter((ip) => !cidrs.some((cidr) => cidrContains(cidr, parseIp(ip))))
      .map((ip) =>
        finding('outside', name, `${ip} of ${ownerOf(allocation)} is outside the node's podCIDRs`),
      ),
  );
}

function ownerFindings({ name, agent }: AuditedNode, pods: readonly AuditedPod[]): Finding[] {
  if (agent === undefined) return [];
  const leaked = agent.allocations
    .filter((allocation) => !pods.some((pod) => isOwnedBy(allocation, pod)))
    .map((allocation) => {
      const what = `${allocation.ips.join(' and ')} of ${ownerOf(allocation)} (container ${allocation.containerId})`;
      return finding('leaked', name, `${what} belong to no pod of the node`);
    });
  return [...leaked, ...pods.flatMap((pod) => podFindings(name, pod, agent.allocations))];
}

function podFindings(node: string, pod: AuditedPod, allocations: readonly AuditedAllocation[]): Finding[] {
  if (pod.ips.length === 0) return [];
  const own = allocations.filter((allocation) => isOwnedBy(allocation, pod)).flatMap(({ ips }) => ips);
  const who = `${pod.namespace}/${pod.name} has ${pod.ips.join(' and ')}`;
  if (own.length === 0)
    return [finding('unallocated', node, `${who}, which the node's agent gave to nobody`)];
  if (pod.ips.every((ip) => own.includes(ip))) return [];
  return [finding('different', node, `${who}, and its node's agent gave it ${own.join(' and ')}`)];
}

function overlaps(nodes: readonly AuditedNode[]): Finding[] {
  const all = nodes.flatMap(({ name, podCidrs }) =>
    podCidrs.map((text) => ({ name, text, cidr: parseCidr(text) })),
  );
  return all.flatMap((one, i) =>
    all
      .slice(i + 1)
      .filter((other) => other.name !== one.name && cidrsOverlap(one.cidr, other.cidr))
      .map((other) =>
        finding(
          'overlap',
          one.name,
          `its pool ${one.text} and that of ${other.name}, ${other.text}, have addresses in common`,
        ),
      ),
  );
}

/** Of two holders on different nodes, in one node's store, or among pods' statuses. */
function duplicates(nodes: readonly AuditedNode[], pods: readonly AuditedPod[]): Finding[] {
  const holders = new Map<string, { node: string; owner: string }[]>();
  const hold = (ip: string, node: string, owner: string) => {
    const known = holders.get(ip) ?? [];
    if (!known.some((holder) => holder.node === node && holder.owner === owner)) known.push({ node, owner });
    holders.set(ip, known);
  };
  for (const pod of pods) for (const ip of pod.ips) hold(ip, pod.node, `${pod.namespace}/${pod.name}`);
  for (const { name, agent } of nodes)
    for (const allocation of agent?.allocations ?? [])
      for (const ip of allocation.ips) hold(ip, name, ownerOf(allocation));
  return [...holders].flatMap(([ip, [first, ...others]]) => {
    if (others.length === 0) return [];
    const rest = others.map(({ node, owner }) => `${owner} on ${node}`).join(' and ');
    return [finding('duplicate', first!.node, `${ip} is held by ${first!.owner}, and by ${rest}`)];
  });
}

function sorted(cidrs: readonly string[]): string {
  return [...cidrs].sort().join();
}
