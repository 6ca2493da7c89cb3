/** What a cluster's agents and API say of addresses: of a lab, or by a kubeconfig of whatever the agents answer. */
import type { PoolUsage } from '../../ipam/address-pool.ts';
import type { AuditedAllocation, AuditedNode, AuditedPod } from '../../ipam/audit.ts';
import { loadKubeconfig } from '../../kube/client/kubeconfig.ts';
import { createTransport, type Transport } from '../../kube/client/transport.ts';
import { resourcePath, resources } from '../../kube/resources.ts';
import type { Node, Pod } from '../../kube/types.ts';
import { agentStatusPort } from '../../lab/server/agents.ts';
import { describeError } from '../../util/errors.ts';
import { askAgent } from '../session/ask-agent.ts';
import { openLab } from '../session/lab-session.ts';

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

/** One look: agents first, so that what they hold has a pod by the time that these are listed. */
export type Look = () => Promise<ClusterAddresses>;

export interface AddressSource extends Disposable {
  look: Look;
}

interface AgentStatus {
  pods: (Pick<AuditedAllocation, 'containerId' | 'ifName' | 'ips' | 'confirmed'> & {
    note: Record<string, string>;
  })[];
  ipam: PoolReport[];
}

export async function labAddresses(lab: string): Promise<AddressSource> {
  const session = await openLab(lab);
  const ask = async ({ metadata }: Node) =>
    (await askAgent<AgentStatus>(lab, metadata.name, '/status')).answer;
  return { look: () => look(session.api, ask), [Symbol.dispose]: () => session[Symbol.dispose]() };
}

const askTimeoutMs = 2_000;

/** An agent tells what it holds to its own node alone: of others only what the API says is looked at. */
export async function clusterAddresses(
  kubeconfig: string,
  statusPort: number = agentStatusPort,
): Promise<AddressSource> {
  const api = createTransport(await loadKubeconfig(kubeconfig));
  return {
    look: () => look(api, (node) => fetchStatus(node, statusPort)),
    [Symbol.dispose]: () => api.close(),
  };
}

async function fetchStatus(node: Node, port: number): Promise<AgentStatus> {
  const ip = node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
  if (ip === undefined) throw new Error('the node has no address');
  const host = ip.includes(':') ? `[${ip}]` : ip;
  const response = await fetch(`http://${host}:${port}/status`, {
    signal: AbortSignal.timeout(askTimeoutMs),
  });
  if (!response.ok) throw new Error((await response.text()).trim() || `HTTP status ${response.status}`);
  return (await response.json()) as AgentStatus;
}

async function look(api: Transport, ask: (node: Node) => Promise<AgentStatus>): Promise<ClusterAddresses> {
  const list = async <T>(type: Parameters<typeof resourcePath>[0]) =>
    ((await api.send({ method: 'GET', path: resourcePath(type) })) as { items: T[] }).items;
  const nodes = await Promise.all(
    (await list<Node>(resources.nodes)).map((node) => nodeAddresses(node, ask)),
  );
  return { nodes, pods: (await list<Pod>(resources.pods)).flatMap(auditedPod) };
}

async function nodeAddresses(node: Node, ask: (node: Node) => Promise<AgentStatus>): Promise<NodeAddresses> {
  const { podCIDR, podCIDRs = podCIDR ? [podCIDR] : [] } = node.spec ?? {};
  const known = { name: node.metadata.name, podCidrs: podCIDRs };
  try {
    const { pods, ipam } = await ask(node);
    return { ...known, pools: ipam, agent: agentOf(pods, ipam) };
  } catch (error) {
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
