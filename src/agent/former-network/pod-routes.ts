/**
 * A pod of a bridge believes that the node's whole block of addresses is on its link, and asks by ARP and neighbour
 * discovery for pods that are routed, which answers nobody. Its route to the block is made one by the bridge's address, as
 * all else goes already: old pods and new ones then reach each other, both ways. Pure.
 */
import type { Address, Route } from '../../linux/netlink/route-netlink.ts';
import { type Cidr, cidrContains, cidrOf, familyBits, formatCidr } from '../../net/cidr.ts';
import { equalIp, type Ip } from '../../net/ip.ts';

export interface PodSituation {
  /** Index of the pod's interface, in its namespace. */
  link: number;
  addresses: readonly Address[];
  /** Of its main table. */
  routes: readonly Route[];
}

/** In this order: the way to the gateway is there before the block leads by it. Empty where nothing is on-link but it. */
export function planPodRoutes({ link, addresses, routes }: PodSituation): Route[] {
  const own = routes.filter((route) => route.link === link && (route.type ?? 'unicast') === 'unicast');
  return addresses.flatMap(({ ip, prefix, scope = 0 }) => {
    const block = cidrOf(ip, prefix);
    const gateway = gatewayOf(ip, own);
    const onLink = own.find(
      (route) => isTo(route, block) && route.gateway === undefined && prefix < familyBits(ip.family),
    );
    // Elsewhere than in its block it is reached by another route than the block's.
    if (scope !== 0 || onLink === undefined || gateway === undefined || !cidrContains(block, gateway))
      return [];
    return byGateway({ link, block, gateway, onLink });
  });
}

/** The kernel finds what it replaces by destination and metric. */
function byGateway({
  link,
  block,
  gateway,
  onLink,
}: {
  link: number;
  block: Cidr;
  gateway: Ip;
  onLink: Route;
}): Route[] {
  const { family } = gateway;
  const common = { family, link, ...(onLink.metric !== undefined && { metric: onLink.metric }) };
  const source = onLink.source === undefined ? {} : { source: onLink.source };
  return [
    { ...common, ...source, destination: { ip: gateway, prefix: familyBits(family) }, scope: 253 },
    { ...common, ...source, destination: block, gateway },
  ];
}

/** The pod's default route tells it. */
function gatewayOf({ family }: Ip, routes: readonly Route[]): Ip | undefined {
  return routes.find((route) => route.family === family && route.destination === undefined)?.gateway;
}

function isTo({ destination }: Route, block: Cidr): boolean {
  return (
    destination !== undefined &&
    destination.ip.family === block.ip.family &&
    equalIp(destination.ip, block.ip) &&
    formatCidr(destination) === formatCidr(block)
  );
}
