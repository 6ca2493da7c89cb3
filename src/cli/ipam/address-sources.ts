/** What agents and the API say of addresses. */

import { isLinux } from '../../install/preflight/cluster-rules.ts';
import type { PoolUsage } from '../../ipam/address-pool.ts';
import type { AuditedAllocation, AuditedNode, AuditedPod } from '../../ipam/audit.ts';
import { resourcePath, resources } from '../../kube/resources.ts';
import type { Node, Pod } from '../../kube/types.ts';
import { describeError } from '../../util/errors.ts';
import { NotInstalled } from '../session/cluster-agents.ts';
import type { Session } from '../session/session.ts';

/** As the agent's status has it: a bigint comes as text. */
export type PoolReport = Omit<PoolUsage, 'size'> & { size: string };

export interface NodeAddresses extends AuditedNode {
  pools: readonly PoolReport[];
  /** Why the agent said nothing. */
  problem?: string;
}

export interface ClusterAddresses {
  nodes: NodeAddresses[];
  pods: AuditedPod[];
}

interface AgentStatus {
  pods: (Pick<AuditedAllocation, 'containerId' | 'ifName' | 'ips' | 'confirmed'> & {
    note: Record<string, string>;
  })[];
  ipam: PoolReport[];
}

/** How many agents are asked at a time: each answer is held whole. */
const parallel = 16;

/**
 * One look: agents first, so that what they hold has a pod by the time that these are listed.
 * @throws TendrilError NOT_READY where Tendril is not on the cluster
 */
export async function lookAtAddresses({ api, agents }: Session): Promise<ClusterAddresses> {
  const list = async <T>(type: Parameters<typeof resourcePath>[0]) =>
    ((await api.send({ method: 'GET', path: resourcePath(type) })) as { items: T[] }).items;
  const ask = async (node: string) => (await agents.ask<AgentStatus>(node, '/status')).answer;
  const waiting = (await list<Node>(resources.nodes)).filter(isLinux);
  const found = new Map<Node, NodeAddresses>();
  const all = [...waiting];
  const worker = async (): Promise<void> => {
    for (let node = waiting.shift(); node !== undefined; node = waiting.shift())
      found.set(node, await nodeAddresses(node, ask));
  };
  await Promise.all(Array.from({ length: Math.min(parallel, all.length) }, worker));
  const pods = (await list<Pod>(resources.pods)).flatMap(auditedPod);
  return { nodes: all.map((node) => found.get(node)!), pods };
}

async function nodeAddresses(
  node: Node,
  ask: (node: string) => Promise<AgentStatus>,
): Promise<NodeAddresses> {
  const { podCIDR, podCIDRs = podCIDR ? [podCIDR] : [] } = node.spec ?? {};
  const known = { name: node.metadata.name, podCidrs: podCIDRs };
  try {
    const { pods, ipam } = await ask(node.metadata.name);
    return { ...known, pools: ipam, agent: agentOf(pods, ipam) };
  } catch (error) {
    if (error instanceof NotInstalled) throw error;
    return { ...known, pools: [], problem: describeError(error) };
  }
}

function agentOf(pods: AgentStatus['pods'], ipam: readonly PoolReport[]): NonNullable<AuditedNode['agent']> {
  const allocations = pods.map(({ containerId, ifName, ips, confirmed, note: { namespace, pod, uid } }) => ({
    ...{ containerId, ifName, ips, confirmed },
    ...(namespace !== undefined && { namespace }),
    ...(pod !== undefined && { pod }),
    ...(uid !== undefined && { uid }),
  }));
  return { cidrs: ipam.map(({ cidr }) => cidr), allocations };
}

/** One that has ended may hold its address until it is deleted, and has none to be asked for. */
export function auditedPod({ metadata, spec, status }: Pod): AuditedPod[] {
  if (spec?.hostNetwork || !spec?.nodeName) return [];
  const ended = ['Succeeded', 'Failed'].includes(status?.phase ?? '');
  const { namespace = 'default', name, uid } = metadata;
  const ips = ended ? [] : (status?.podIPs ?? []).map(({ ip }) => ip);
  return [{ namespace, name, uid, node: spec.nodeName, ips }];
}
