/**
 * host-gw: other nodes' pod CIDRs are plain routes with those nodes as gateways. No encapsulation, so the nodes
 * must share a network. Pure: nodes and present routes in, changes out.
 */
import type { Route } from '../../../linux/netlink/route-netlink.ts';
import { tendrilProtocol } from '../../../linux/netlink/route-netlink.ts';
import { type Cidr, cidrContains, formatCidr } from '../../../net/cidr.ts';
import { equalIp, formatIp, type Ip } from '../../../net/ip.ts';
import type { ClusterNode, SyncReport } from '../node-backend.ts';

export interface HostgwInput {
  nodes: readonly ClusterNode[];
  uplink: {
    index: number;
    /** The networks the uplink is in. */
    networks: readonly Cidr[];
  };
  /** The kernel's routes of Tendril's own protocol, main table. */
  present: readonly Route[];
}

export interface HostgwPlan {
  /** Before the removals: a CIDR that moves to another node is replaced in one step. */
  ensure: Route[];
  remove: Route[];
  problems: SyncReport['problems'];
}

export function planHostgw({ nodes, uplink, present }: HostgwInput): HostgwPlan {
  const problems: SyncReport['problems'] = [];
  const wanted = new Map<string, Route>();
  for (const node of nodes) {
    for (const cidr of node.podCidrs) {
      const gateway = gatewayFor(node, cidr, uplink.networks);
      const key = keyOf(cidr);
      const taken = wanted.get(key);
      if (typeof gateway === 'string') problems.push({ node: node.name, problem: gateway });
      else if (taken !== undefined) problems.push({ node: node.name, problem: duplicate(cidr, taken) });
      else wanted.set(key, routeTo(cidr, gateway, uplink.index));
    }
  }
  const remove: Route[] = [];
  const ensure = new Map(wanted);
  for (const route of present.filter((each) => isHostgw(each, uplink.index))) {
    const key = keyOf(route.destination!);
    const planned = wanted.get(key);
    if (planned === undefined) remove.push(route);
    else if (equalIp(planned.gateway!, route.gateway!)) ensure.delete(key);
  }
  return { ensure: [...ensure.values()], remove, problems };
}

/** Ours, by this backend: the routes to local pods have no gateway. */
export function isHostgw(route: Route, uplinkIndex: number): boolean {
  return (
    route.protocol === tendrilProtocol &&
    route.link === uplinkIndex &&
    route.gateway !== undefined &&
    route.destination !== undefined
  );
}

/** The node's address of the CIDR's family, or what is wrong with it. */
function gatewayFor(node: ClusterNode, cidr: Cidr, networks: readonly Cidr[]): Ip | string {
  const { family } = cidr.ip;
  const gateway = node.internalIps.find((ip) => ip.family === family);
  if (gateway === undefined) return `has the pod CIDR ${formatCidr(cidr)} but no IPv${family} InternalIP`;
  if (networks.some((network) => cidrContains(network, gateway))) return gateway;
  return `its InternalIP ${formatIp(gateway)} is in no network of the uplink; host-gw needs nodes on one network`;
}

function duplicate(cidr: Cidr, taken: Route): string {
  return `its pod CIDR ${formatCidr(cidr)} belongs to the node at ${formatIp(taken.gateway!)} already`;
}

function routeTo(destination: Cidr, gateway: Ip, link: number): Route {
  return { family: destination.ip.family, destination, gateway, link, protocol: tendrilProtocol };
}

/** Its bytes, not its text: thousands of nodes are compared at a time. */
function keyOf({ ip, prefix }: Cidr): string {
  return `${String.fromCharCode(...ip.bytes)}/${prefix}`;
}
