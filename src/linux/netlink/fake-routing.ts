/** Where a packet goes in a namespace in memory: rules, tables, longest prefix (ip-rule(8), ip-route(8)). */
import { cidrContains, familyBits } from '../../net/cidr.ts';
import { equalIp, type Ip } from '../../net/ip.ts';
import { errno } from '../errno.ts';
import { type FakeNamespace, loopbackIndex, sameDestination } from './fake-namespace.ts';
import { bootProtocol, mainTable, routeScope } from './route.ts';
import type { Route, Rule } from './route-netlink.ts';

export interface Lookup {
  source?: Ip;
  link?: number;
}

/** The route a locally made packet takes; undefined when there is none, or one that refuses. */
export function lookup(namespace: FakeNamespace, destination: Ip, options: Lookup = {}): Route | undefined {
  const rules = namespace.rules.filter((rule) => matches(rule, destination, options.source));
  for (const rule of rules.sort((a, b) => a.priority - b.priority)) {
    const route = longestMatch(namespace.routes, { table: rule.table, destination, link: options.link });
    if (route === undefined || route.type === 'throw') continue;
    if (route.type !== 'unicast' && route.type !== 'local') return undefined;
    return { ...route, destination: { ip: destination, prefix: familyBits(destination.family) } };
  }
  return undefined;
}

function matches(rule: Rule, destination: Ip, source: Ip | undefined): boolean {
  if (rule.family !== destination.family) return false;
  if (rule.to !== undefined && !cidrContains(rule.to, destination)) return false;
  if (rule.from !== undefined && (source === undefined || !cidrContains(rule.from, source))) return false;
  if (rule.mark !== undefined && rule.mark.value !== 0) return false;
  return rule.incomingInterface === undefined || rule.incomingInterface === 'lo';
}

function longestMatch(
  routes: readonly Route[],
  wanted: { table: number; destination: Ip; link?: number },
): Route | undefined {
  const { table, destination, link } = wanted;
  const order = (route: Route) => [-(route.destination?.prefix ?? 0), route.metric ?? 0] as const;
  return routes
    .filter((route) => route.table === table && route.family === destination.family)
    .filter((route) => route.destination === undefined || cidrContains(route.destination, destination))
    .filter((route) => link === undefined || route.type !== 'unicast' || route.link === link)
    .sort((a, b) => order(a)[0] - order(b)[0] || order(a)[1] - order(b)[1])[0];
}

/** The route as the kernel would keep it, or the number of the error it would answer with. */
export function completeRoute(namespace: FakeNamespace, route: Route): Route | number {
  const special = route.type !== undefined && route.type !== 'unicast' && route.type !== 'local';
  const complete: Route = {
    ...route,
    table: route.table ?? mainTable,
    type: route.type ?? 'unicast',
    scope: routeScope(route),
    protocol: route.protocol ?? bootProtocol,
    // IPv6 has a metric always, and ties what goes nowhere to the loopback.
    ...(route.family === 6 ? { metric: route.metric || 1024 } : {}),
    ...(route.family === 6 && special ? { link: loopbackIndex } : {}),
  };
  if (special) return complete;
  const link = route.link ?? (route.gateway && lookup(namespace, route.gateway)?.link);
  const device = namespace.links.find(({ index }) => index === link);
  if (route.gateway !== undefined && device === undefined) return unreachable(route);
  if (device === undefined) return errno.ENODEV;
  if (!device.up) return errno.ENETDOWN;
  if (route.gateway !== undefined && !route.onLink && !isOnLink(namespace, route.gateway, device.index)) {
    return unreachable(route);
  }
  return { ...complete, link: device.index };
}

const unreachable = ({ family }: Route): number => (family === 4 ? errno.ENETUNREACH : errno.EHOSTUNREACH);

/** A gateway must be a neighbour: reached without a further gateway, over that link. */
function isOnLink(namespace: FakeNamespace, gateway: Ip, link: number): boolean {
  const route = lookup(namespace, gateway, { link });
  return (
    route !== undefined && route.type === 'unicast' && route.gateway === undefined && route.link === link
  );
}

/** Two routes of which one replaces the other: same table, destination and metric. */
export function sameRoute(a: Route, b: Route): boolean {
  return a.table === b.table && (a.metric ?? 0) === (b.metric ?? 0) && sameDestination(a, b);
}

/** What a request to delete is about: what it leaves out matches anything. */
export function isMeant(route: Route, request: Route): boolean {
  const same = <T>(asked: T | undefined, has: T | undefined) => asked === undefined || asked === has;
  const sameIp = (asked: Ip | undefined, has: Ip | undefined) =>
    asked === undefined || (has !== undefined && equalIp(asked, has));
  return (
    route.table === (request.table ?? mainTable) &&
    sameDestination(route, request) &&
    same(request.metric, route.metric) &&
    same(request.link, route.link) &&
    same(request.type, route.type) &&
    same(request.protocol, route.protocol) &&
    sameIp(request.gateway, route.gateway) &&
    sameIp(request.source, route.source)
  );
}
