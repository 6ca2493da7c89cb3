/**
 * Routed veth: the pod has its address alone (/32, /128) and sends everything to its node, which has a route
 * per pod. No bridge, no ARP or ND between pods, hence nothing to spoof; the host end carries no address.
 *
 *     pod   eth0 10.244.1.5/32, default via 169.254.1.1, which is a permanent neighbour: the host end's MAC
 *     node  tdl…, 10.244.1.5/32 dev tdl…, and the pod's MAC as permanent neighbour
 *
 * Both MAC addresses are chosen here: they are then known before the devices exist, and udev's
 * MACAddressPolicy=persistent leaves an address alone that was given at birth. Pure: state in, plan out.
 */
import { createHash } from 'node:crypto';
import type { Address, Neighbour, Route } from '../../../linux/netlink/route-netlink.ts';
import { tendrilProtocol } from '../../../linux/netlink/route-netlink.ts';
import type { Sysctls } from '../../../linux/sysctl/sysctl.ts';
import type { Cidr } from '../../../net/cidr.ts';
import { familyBits } from '../../../net/cidr.ts';
import { type Family, type Ip, parseIp } from '../../../net/ip.ts';
import type { Mac } from '../../../net/mac.ts';
import { hostInterfaceName, type PodInterfaceSpec } from '../pod-interface.ts';

/** The gateway a pod sees, per family: link-local, the same in every pod, on no device anywhere. */
export const gatewayOf: Record<Family, Ip> = { 4: parseIp('169.254.1.1'), 6: parseIp('fe80::1') };

/** Without the interface index, which nobody knows before the device is made. */
type WithoutLink<T> = Omit<T, 'link'>;

/** What belongs on one end of the veth, in the order in which it is applied. */
export interface EndPlan {
  name: string;
  mac: Mac;
  /** Written before the device is up: IPv6 begins duplicate address detection with that. */
  sysctls: Sysctls;
  addresses: WithoutLink<Address>[];
  neighbours: WithoutLink<Neighbour>[];
  routes: WithoutLink<Route>[];
}

export interface RoutedPlan {
  mtu: number;
  pod: EndPlan;
  host: EndPlan;
}

export interface NodeSituation {
  mtu: number;
  /** The node's address per family that its own packets to pods carry. */
  sources: readonly Ip[];
  /** The kernel has IPv6, whether pods use it or not. */
  ipv6: boolean;
}

export function planRouted(spec: Omit<PodInterfaceSpec, 'netns'>, node: NodeSituation): RoutedPlan {
  const hostName = hostInterfaceName(spec);
  const mac = { pod: macOf(spec, 'pod'), host: macOf(spec, 'host') };
  return {
    mtu: node.mtu,
    pod: {
      name: spec.ifName,
      mac: mac.pod,
      sysctls: podSysctls(spec),
      addresses: spec.ips.map((ip) => ({ ip, prefix: familyBits(ip.family), noDad: true })),
      neighbours: spec.ips.map((ip) => ({ ip: gatewayOf[ip.family], mac: mac.host, state: 'permanent' })),
      routes: spec.ips.map((ip) => defaultRoute(ip.family)),
    },
    host: {
      name: hostName,
      mac: mac.host,
      sysctls: hostSysctls(hostName, node.ipv6),
      addresses: [],
      neighbours: spec.ips.map((ip) => ({ ip, mac: mac.pod, state: 'permanent' })),
      routes: spec.ips.map((ip) => podRoute(ip, node.sources)),
    },
  };
}

export function hostCidr(ip: Ip): Cidr {
  return { ip, prefix: familyBits(ip.family) };
}

function defaultRoute(family: Family): WithoutLink<Route> {
  return { family, gateway: gatewayOf[family], onLink: true };
}

function podRoute(ip: Ip, sources: readonly Ip[]): WithoutLink<Route> {
  const source = sources.find(({ family }) => family === ip.family);
  const route = { family: ip.family, destination: hostCidr(ip), protocol: tendrilProtocol };
  return source === undefined ? route : { ...route, source };
}

function podSysctls({ ifName, ips }: Pick<PodInterfaceSpec, 'ifName' | 'ips'>): Sysctls {
  if (!ips.some(({ family }) => family === 6)) return {};
  const of = `net.ipv6.conf.${sysctlName(ifName)}`;
  return { [`${of}.disable_ipv6`]: 0, [`${of}.accept_dad`]: 0, [`${of}.accept_ra`]: 0 };
}

/** A pod must not be able to give the node routes: no router advertisements from it, ever (CVE-2020-10749). */
function hostSysctls(name: string, ipv6: boolean): Sysctls {
  const v4 = `net.ipv4.conf.${name}`;
  const v6 = `net.ipv6.conf.${name}`;
  const forV4 = { [`${v4}.forwarding`]: 1, [`${v4}.rp_filter`]: 0, [`${v4}.proxy_arp`]: 0 };
  if (!ipv6) return forV4;
  return { ...forV4, [`${v6}.accept_ra`]: 0, [`${v6}.accept_dad`]: 0 };
}

/** sysctl(8) writes a dot within a name as a slash. */
function sysctlName(name: string): string {
  return name.replaceAll('.', '/');
}

/** Locally administered, unicast; the same for the same attachment. */
function macOf({ containerId, ifName }: { containerId: string; ifName: string }, end: 'pod' | 'host'): Mac {
  const digest = createHash('sha1').update(`${end}/${containerId}/${ifName}`).digest();
  const mac = Uint8Array.from(digest.subarray(0, 6));
  mac[0] = (mac[0]! & 0xfc) | 0x02;
  return mac;
}
