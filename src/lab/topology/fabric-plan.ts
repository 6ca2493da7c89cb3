/**
 * The fabric as a value: which namespaces there are, and what each holds. Pure.
 *
 *     fabric namespace: bridge `fabric` (the API server's addresses)
 *        ├── port-1 … ── eth0 of node-1 …
 *        └── port-outside ── eth0 of outside
 *
 * The nodes' default routes lead to the outside host, which answers for the rest of the world.
 */
import { type Cidr, cidrContains, familyBits, parseCidr } from '../../net/cidr.ts';
import { type Ip, parseIp } from '../../net/ip.ts';
import type { LabConfig } from './lab-config.ts';
import { externalCidrs } from './lab-options.ts';

export interface HostPlan {
  /** Name of its namespace; `fabric`, `outside` or the node's. */
  netns: string;
  /** The veth end in the fabric. Interface names have 15 characters at most. */
  port: string;
  addresses: { ip: Ip; prefix: number }[];
  gateways: Ip[];
  /** Blocks for which it answers as if each address were its own. */
  localCidrs: Cidr[];
  sysctls: Record<string, string>;
}

export interface FabricPlan {
  netns: string;
  bridge: { name: string; addresses: { ip: Ip; prefix: number }[] };
  sysctls: Record<string, string>;
  hosts: HostPlan[];
}

/**
 * Addresses are ours and unique: duplicate address detection would only make every IPv6 link mute for a
 * second, and its link-local address too, without which no neighbour is asked for.
 */
const quietIpv6 = {
  'net.ipv6.conf.default.accept_dad': '0',
  'net.ipv6.conf.default.dad_transmits': '0',
  'net.ipv6.conf.default.accept_ra': '0',
};

export function planFabric(config: LabConfig): FabricPlan {
  const cidrs = config.fabricCidrs.map((text) => parseCidr(text));
  const onFabric = (ips: string[]) => ips.map((text) => withPrefix(parseIp(text), cidrs));
  const outside: HostPlan = {
    netns: 'outside',
    port: 'port-outside',
    addresses: [
      ...onFabric(config.outsideIps),
      // Listened on by name: of IPv6, a local route is not enough for that.
      ...advertisedElsewhere(config).map((ip) => ({ ip, prefix: familyBits(ip.family) })),
    ],
    gateways: [],
    localCidrs: cidrs.map((cidr) => parseCidr(externalCidrs[cidr.ip.family])),
    sysctls: { ...quietIpv6, 'net.ipv4.ip_forward': '1', 'net.ipv6.conf.all.forwarding': '1' },
  };
  const nodes = config.nodes.map((node, i) => ({
    netns: node.name,
    port: `port-${i + 1}`,
    addresses: onFabric(node.ips),
    gateways: config.outsideIps.map(parseIp),
    localCidrs: [],
    sysctls: quietIpv6,
  }));
  return {
    netns: 'fabric',
    bridge: { name: 'fabric', addresses: onFabric(config.apiServerIps) },
    sysctls: quietIpv6,
    hosts: [outside, ...nodes],
  };
}

/** Where the `kubernetes` Service of an external API server leads to: the outside host takes it in its place. */
function advertisedElsewhere({ external, apiServerIps }: LabConfig): Ip[] {
  const ips = external?.advertised.map(({ ip }) => ip) ?? [];
  return ips.filter((ip) => !apiServerIps.includes(ip)).map(parseIp);
}

function withPrefix(ip: Ip, cidrs: Cidr[]): { ip: Ip; prefix: number } {
  const cidr = cidrs.find((candidate) => cidrContains(candidate, ip));
  if (cidr === undefined) throw new RangeError('an address of the fabric is outside its subnets');
  return { ip, prefix: cidr.prefix };
}
