/** Compares one end of a pod's veth with its plan. */
import type { Link, Route, RouteNetlink } from '../../../linux/netlink/route-netlink.ts';
import { formatCidr } from '../../../net/cidr.ts';
import { equalIp, formatIp } from '../../../net/ip.ts';
import { formatMac } from '../../../net/mac.ts';
import type { EndPlan } from './plan.ts';

/** What is missing or different, a sentence each. More than the plan asks for is no problem (other plugins). */
export function checkEnd(netlink: RouteNetlink, plan: EndPlan, link: Link): string[] {
  return [
    ...checkLink(plan, link),
    ...checkAddresses(netlink, plan, link),
    ...checkNeighbours(netlink, plan, link),
    ...checkRoutes(netlink, plan, link),
  ];
}

function checkLink(plan: EndPlan, link: Link): string[] {
  const problems: string[] = [];
  if (!link.up) problems.push(`${plan.name} is down`);
  const [has, wanted] = [formatMac(link.mac), formatMac(plan.mac)];
  if (has !== wanted) problems.push(`${plan.name} has the MAC address ${has}, not ${wanted}`);
  return problems;
}

function checkAddresses(netlink: RouteNetlink, plan: EndPlan, link: Link): string[] {
  if (plan.addresses.length === 0) return [];
  const present = netlink.addresses({ link: link.index });
  return plan.addresses
    .filter(({ ip, prefix }) => !present.some((a) => equalIp(a.ip, ip) && a.prefix === prefix))
    .map(({ ip }) => `${plan.name} lacks the address ${formatIp(ip)}`);
}

function checkNeighbours(netlink: RouteNetlink, plan: EndPlan, link: Link): string[] {
  const present = netlink.neighbours({ link: link.index, proxy: false });
  return plan.neighbours
    .filter(
      ({ ip, mac }) =>
        !present.some((n) => equalIp(n.ip, ip) && n.mac && formatMac(n.mac) === formatMac(mac!)),
    )
    .map(({ ip }) => `${plan.name} does not know the MAC address of ${formatIp(ip)}`);
}

function checkRoutes(netlink: RouteNetlink, plan: EndPlan, link: Link): string[] {
  return plan.routes
    .filter(
      (route) =>
        !netlink.routes({ family: route.family, table: 254 }).some((r) => isSame(r, route, link.index)),
    )
    .map((route) => `the route to ${destinationOf(route)} by ${plan.name} is missing`);
}

function isSame(present: Route, planned: Omit<Route, 'link'>, link: number): boolean {
  return (
    present.link === link &&
    destinationOf(present) === destinationOf(planned) &&
    (planned.gateway === undefined ||
      (present.gateway !== undefined && equalIp(present.gateway, planned.gateway)))
  );
}

function destinationOf({ destination }: Pick<Route, 'destination'>): string {
  return destination === undefined ? 'everywhere' : formatCidr(destination);
}
