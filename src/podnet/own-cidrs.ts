/**
 * An unreachable route per pod CIDR of this node. Its pods' own routes are longer and win; a packet to an
 * address that no pod has (any more) gets an error at once, instead of following the default route to the
 * network's router, which would send it back, until its TTL ends it. Not where an interface of the node has the whole
 * block on its link: the bridge of another network plugin, whose pods go on; an IPv4 route would take that one's place.
 */
import { type Route, type RouteNetlink, tendrilProtocol } from '../linux/netlink/route-netlink.ts';
import { type Cidr, formatCidr } from '../net/cidr.ts';

/** Makes it so for these CIDRs and removes the routes for others. */
export function ensureOwnCidrs(netlink: RouteNetlink, cidrs: readonly Cidr[]): void {
  const routes = netlink.routes({ table: 254 });
  const onLinks = new Set(routes.filter(isOnLink).map(({ destination }) => formatCidr(destination!)));
  const wanted = new Map(
    cidrs.map((cidr) => [formatCidr(cidr), cidr] as const).filter(([text]) => !onLinks.has(text)),
  );
  for (const route of routes.filter(isOurs))
    if (!wanted.delete(formatCidr(route.destination!))) netlink.deleteRoute(route);
  for (const cidr of wanted.values()) netlink.ensureRoute(unreachable(cidr));
}

function unreachable(destination: Cidr): Route {
  return { family: destination.ip.family, destination, type: 'unreachable', protocol: tendrilProtocol };
}

const isOurs = ({ protocol, type, destination }: Route): boolean =>
  protocol === tendrilProtocol && type === 'unreachable' && destination !== undefined;

const isOnLink = ({ protocol, type = 'unicast', destination, gateway, link }: Route): boolean =>
  protocol !== tendrilProtocol &&
  type === 'unicast' &&
  destination !== undefined &&
  gateway === undefined &&
  link !== undefined;
