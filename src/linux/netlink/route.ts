/** Routes: RTM_NEWROUTE and its kin, struct rtmsg (rtnetlink(7)). */
import { type Cidr, formatCidr } from '../../net/cidr.ts';
import { formatIp, type Ip } from '../../net/ip.ts';
import { familyNumber, familyOf, ipOf } from './address.ts';
import {
  type Attribute,
  type Attributes,
  concat,
  decodeAttributes,
  headerView,
  malformed,
  maybeU32,
  nested,
  raw,
  u32,
  when,
} from './attribute.ts';
import type { Route } from './route-netlink.ts';

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;

const RTA_DST = 1;
const RTA_SRC = 2;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RTA_VIA = 18;
const RTAX_MTU = 2;
const RTNH_F_ONLINK = 4;
const RTM_F_LOOKUP_TABLE = 0x1000;
const headerSize = 12;
const nextHopSize = 8;

export const mainTable = 254;
export const localTable = 255;
/** RTPROT_BOOT: by hand, as iproute2 has it where nothing is said. */
export const bootProtocol = 3;
const scopeLink = 253;
const scopeHost = 254;
/** In a request to delete: whatever the scope. */
const scopeNowhere = 255;

type RouteType = NonNullable<Route['type']>;
const typeNumbers: Record<RouteType, number> = {
  unicast: 1,
  local: 2,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
};
const typesByNumber = new Map(Object.entries(typeNumbers).map(([name, n]) => [n, name as RouteType]));

/** What iproute2 asks for: host for local routes, link where there is no gateway, universe otherwise. */
export function routeScope(route: Route): number {
  if (route.scope !== undefined) return route.scope;
  if (route.family === 6) return 0;
  if (route.type === 'local') return scopeHost;
  return (route.type ?? 'unicast') === 'unicast' && route.gateway === undefined ? scopeLink : 0;
}

interface Header {
  family: 4 | 6;
  destinationPrefix?: number;
  sourcePrefix?: number;
  table?: number;
  protocol?: number;
  scope?: number;
  type?: number;
  flags?: number;
}

function encodeHeader(header: Header): Uint8Array {
  const bytes = new Uint8Array(headerSize);
  bytes[0] = familyNumber(header.family);
  bytes[1] = header.destinationPrefix ?? 0;
  bytes[2] = header.sourcePrefix ?? 0;
  // Tables beyond 255 go by RTA_TABLE alone.
  bytes[4] = (header.table ?? 0) > 255 ? 0 : (header.table ?? 0);
  bytes[5] = header.protocol ?? 0;
  bytes[6] = header.scope ?? 0;
  bytes[7] = header.type ?? 0;
  new DataView(bytes.buffer).setUint32(8, header.flags ?? 0, true);
  return bytes;
}

export function encodeRoute(route: Route): Uint8Array {
  const header = encodeHeader({
    family: route.family,
    destinationPrefix: route.destination?.prefix,
    table: route.table ?? mainTable,
    protocol: route.protocol ?? bootProtocol,
    scope: routeScope(route),
    type: typeNumbers[route.type ?? 'unicast'],
    flags: route.onLink ? RTNH_F_ONLINK : 0,
  });
  return concat(header, routeAttributes(route));
}

/** What is absent in the route matches anything: scope, type and protocol too. */
export function encodeRouteDeletion(route: Route): Uint8Array {
  const header = encodeHeader({
    family: route.family,
    destinationPrefix: route.destination?.prefix,
    table: route.table ?? mainTable,
    protocol: route.protocol ?? 0,
    scope: route.family === 4 ? (route.scope ?? scopeNowhere) : 0,
    type: route.type === undefined ? 0 : typeNumbers[route.type],
  });
  return concat(header, routeAttributes(route));
}

function routeAttributes(route: Route): (Attribute | undefined)[] {
  return [
    when(route.destination, (cidr) => raw(RTA_DST, cidr.ip.bytes)),
    when(route.gateway, (gateway) => encodeGateway(route.family, gateway)),
    when(route.link, (link) => u32(RTA_OIF, link)),
    when(route.source, (ip) => raw(RTA_PREFSRC, ip.bytes)),
    when(route.metric, (metric) => u32(RTA_PRIORITY, metric)),
    u32(RTA_TABLE, route.table ?? mainTable),
    when(route.mtu, (mtu) => nested(RTA_METRICS, [u32(RTAX_MTU, mtu)])),
  ];
}

/** A gateway of the other family (RFC 5549) is a RTA_VIA: u16 family, address. */
function encodeGateway(family: 4 | 6, gateway: Ip): Attribute {
  if (gateway.family === family) return raw(RTA_GATEWAY, gateway.bytes);
  return raw(RTA_VIA, Uint8Array.of(familyNumber(gateway.family), 0, ...gateway.bytes));
}

/** For a dump; the kernel leaves out what does not fit (NETLINK_GET_STRICT_CHK). */
export function encodeRouteFilter(filter: { family: 4 | 6; table?: number; protocol?: number }): Uint8Array {
  const { family, table, protocol } = filter;
  return concat(encodeHeader({ family, table, protocol }), [when(table, (number) => u32(RTA_TABLE, number))]);
}

export function encodeLookup(destination: Ip, options: { source?: Ip; link?: number }): Uint8Array {
  const bits = destination.family === 4 ? 32 : 128;
  const header = encodeHeader({
    family: destination.family,
    destinationPrefix: bits,
    sourcePrefix: options.source === undefined ? 0 : bits,
    // IPv6 always tells the table, and refuses to be asked.
    flags: destination.family === 4 ? RTM_F_LOOKUP_TABLE : 0,
  });
  return concat(header, [
    raw(RTA_DST, destination.bytes),
    when(options.source, (ip) => raw(RTA_SRC, ip.bytes)),
    when(options.link, (link) => u32(RTA_OIF, link)),
  ]);
}

/**
 * Of a multipath route the first next hop. Undefined for the kernel's own broadcast, anycast and multicast
 * routes, and for other families. @throws KernelError EBADMSG
 */
export function decodeRoute(payload: Uint8Array): Route | undefined {
  const header = headerView(payload, headerSize);
  const family = familyOf(header.getUint8(0));
  const type = typesByNumber.get(header.getUint8(7));
  if (family === undefined || type === undefined) return undefined;
  const attributes = decodeAttributes(payload.subarray(headerSize));
  const metrics = attributes.get(RTA_METRICS);
  const route: Route = {
    family,
    destination: decodeDestination(family, header.getUint8(1), attributes.get(RTA_DST)),
    ...decodeNextHop(family, attributes),
    source: when(attributes.get(RTA_PREFSRC), (bytes) => ipOf(family, bytes)),
    table: maybeU32(attributes.get(RTA_TABLE)) ?? header.getUint8(4),
    metric: maybeU32(attributes.get(RTA_PRIORITY)),
    type,
    scope: header.getUint8(6),
    protocol: header.getUint8(5),
    onLink: (header.getUint32(8, true) & RTNH_F_ONLINK) !== 0 || undefined,
    mtu: metrics && maybeU32(decodeAttributes(metrics).get(RTAX_MTU)),
  };
  return withoutUndefined(route);
}

function decodeDestination(family: 4 | 6, prefix: number, bytes: Uint8Array | undefined): Cidr | undefined {
  if (bytes === undefined) return undefined;
  if (prefix > 8 * bytes.length) throw malformed('prefix');
  return { ip: ipOf(family, bytes), prefix };
}

function decodeNextHop(family: 4 | 6, attributes: Attributes): { gateway?: Ip; link?: number } {
  const multipath = attributes.get(RTA_MULTIPATH);
  if (multipath !== undefined && multipath.length > 0) {
    const hop = headerView(multipath, nextHopSize);
    const size = hop.getUint16(0, true);
    if (size < nextHopSize || size > multipath.length) throw malformed('next hop');
    const own = decodeAttributes(multipath.subarray(nextHopSize, size));
    return { link: hop.getUint32(4, true), gateway: decodeGateway(family, own) };
  }
  return { link: maybeU32(attributes.get(RTA_OIF)), gateway: decodeGateway(family, attributes) };
}

function decodeGateway(family: 4 | 6, attributes: Attributes): Ip | undefined {
  const via = attributes.get(RTA_VIA);
  const viaFamily = via === undefined ? undefined : familyOf(via[0] ?? 0);
  if (via !== undefined && viaFamily !== undefined) return ipOf(viaFamily, via.subarray(2));
  return when(attributes.get(RTA_GATEWAY), (bytes) => ipOf(family, bytes));
}

function withoutUndefined(route: Route): Route {
  return Object.fromEntries(
    Object.entries(route).filter(([, value]) => value !== undefined),
  ) as unknown as Route;
}

export function describeRoute(route: Route): string {
  const parts = [
    route.destination === undefined ? `default (IPv${route.family})` : formatCidr(route.destination),
    route.gateway && `via ${formatIp(route.gateway)}`,
    route.link && `on link ${route.link}`,
    route.table !== undefined && route.table !== mainTable && `table ${route.table}`,
  ];
  return parts.filter((part) => part !== undefined && part !== false).join(' ');
}
