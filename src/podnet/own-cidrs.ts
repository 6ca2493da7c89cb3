/**
 * An unreachable route per pod CIDR of this node. Its pods' own routes are longer and win; a packet to an
 * address that no pod has (any more) gets an error at once, instead of following the default route to the
 * network's router, which would send it back, until its TTL ends it.
 */
import { type Route, type RouteNetlink, tendrilProtocol } from '../linux/netlink/route-netlink.ts';
import { type Cidr, formatCidr } from '../net/cidr.ts';

/** Makes it so for these CIDRs and removes the routes for others. */
export function ensureOwnCidrs(netlink: RouteNetlink, cidrs: readonly Cidr[]): void {
  const wanted = new Map(cidrs.map((cidr) => [formatCidr(cidr), cidr]));
  for (const route of netlink.routes({ table: 254, protocol: tendrilProtocol })) {
    if (route.type !== 'unreachable' || route.destination === undefined) continue;
    if (!wanted.delete(formatCidr(route.destination))) netlink.deleteRoute(route);
  }
  for (const cidr of wanted.values()) netlink.ensureRoute(unreachable(cidr));
}

function unreachable(destination: Cidr): Route {
  return { family: destination.ip.family, destination, type: 'unreachable', protocol: tendrilProtocol };
}
