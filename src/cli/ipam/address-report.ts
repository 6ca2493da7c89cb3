/** Nodes' pools and who holds which address, as `tendril ipam show` prints them. Pure. */
import { type AuditedAllocation, isOwnedBy, ownerOf } from '../../ipam/audit.ts';
import { cidrSize, parseCidr } from '../../net/cidr.ts';
import { formatTable } from '../output/table.ts';
import type { ClusterAddresses, NodeAddresses, PoolReport } from './address-sources.ts';

export interface PoolView {
  node: string;
  cidr: string;
  /** Numbers of addresses, as text: those of IPv6 are large. */
  size: string;
  used: string;
  free: string;
  /** Freed a moment ago, and not given again yet. */
  resting: string;
  /** Never given: the network's own and its broadcast. */
  reserved: string;
}

export interface AllocationView {
  node: string;
  ips: readonly string[];
  /** `namespace/name`; absent where the runtime did not say whose it is. */
  pod?: string;
  containerId: string;
  ifName: string;
  /** `making`: ADD is under way, or was cut off. `no pod`: the API has none that it is of. */
  state: 'in use' | 'making' | 'no pod';
}

export function poolViews({ nodes }: ClusterAddresses): PoolView[] {
  return nodes.flatMap(({ name, pools }) => pools.map((pool) => poolView(name, pool)));
}

function poolView(node: string, { cidr, size, used, resting }: PoolReport): PoolView {
  const free = BigInt(size) - BigInt(used) - BigInt(resting);
  const reserved = cidrSize(parseCidr(cidr)) - BigInt(size);
  return {
    ...{ node, cidr, size },
    used: String(used),
    free: String(free),
    resting: String(resting),
    reserved: String(reserved),
  };
}

export function allocationViews({ nodes, pods }: ClusterAddresses): AllocationView[] {
  const stateOf = (node: NodeAddresses, allocation: AuditedAllocation): AllocationView['state'] => {
    if (!allocation.confirmed) return 'making';
    const has = pods.some((pod) => pod.node === node.name && isOwnedBy(allocation, pod));
    return has ? 'in use' : 'no pod';
  };
  return nodes.flatMap((node) =>
    (node.agent?.allocations ?? []).map((allocation) => ({
      node: node.name,
      ips: allocation.ips,
      ...(allocation.pod !== undefined && { pod: ownerOf(allocation) }),
      containerId: allocation.containerId,
      ifName: allocation.ifName,
      state: stateOf(node, allocation),
    })),
  );
}

export function addressTables(addresses: ClusterAddresses): string {
  const pools = poolViews(addresses).map((view) => [
    ...[view.node, view.cidr, view.size, view.used, view.free, view.resting, view.reserved],
  ]);
  const allocations = allocationViews(addresses).map((view) => [
    ...[view.node, view.ips.join(','), view.pod ?? '-', view.containerId, view.ifName, view.state],
  ]);
  const silent = addresses.nodes.filter(({ problem }) => problem !== undefined);
  return [
    formatTable(['NODE', 'POOL', 'SIZE', 'USED', 'FREE', 'RESTING', 'RESERVED'], pools),
    formatTable(['NODE', 'ADDRESSES', 'POD', 'CONTAINER', 'INTERFACE', 'STATE'], allocations),
    ...(silent.length > 0 ? [silentText(silent)] : []),
  ].join('\n');
}

export function silentText(nodes: readonly NodeAddresses[]): string {
  const lines = nodes.map(({ name, problem }) => `  ${name}: ${problem}\n`).join('');
  return `Agents that did not say what they hold:\n${lines}`;
}
