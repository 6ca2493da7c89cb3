/**
 * Packets of pods that leave the cluster carry their node's address. What stays inside does not: other pods,
 * Services and nodes see the pod's own. The ruleset is text for nft(8), which applies it in one transaction.
 */
import { type Cidr, cidrContains, formatCidr } from '../net/cidr.ts';
import { type Family, formatIp, type Ip } from '../net/ip.ts';
import { masqueradePorts } from '../net/ports.ts';

export interface MasqueradeInput {
  /** Interface by which packets leave the cluster. */
  uplink: string;
  podCidrs: readonly Cidr[];
  serviceCidrs: readonly Cidr[];
  /** All nodes' addresses. */
  nodeIps: readonly Ip[];
}

export const masqueradeTable = 'tendril-masquerade';

/**
 * The chain is emptied and filled, never deleted: when a family's last nat chain goes the kernel unregisters
 * NAT, and connections that it translates die.
 */
export function renderMasquerade(input: MasqueradeInput): string {
  const chain = `inet ${masqueradeTable} postrouting`;
  const rules = ([4, 6] as const).flatMap((family) => rulesFor(family, input));
  return [
    `add table inet ${masqueradeTable}`,
    `add chain ${chain} { type nat hook postrouting priority srcnat; policy accept; }`,
    `flush chain ${chain}`,
    ...rules.map((rule) => `add rule ${chain} ${rule}`),
    '',
  ].join('\n');
}

/** Also where there is no such table. */
export function renderMasqueradeRemoval(): string {
  return `add table inet ${masqueradeTable}\ndelete table inet ${masqueradeTable}\n`;
}

function rulesFor(family: Family, { uplink, podCidrs, serviceCidrs, nodeIps }: MasqueradeInput): string[] {
  const pods = podCidrs.filter(({ ip }) => ip.family === family);
  if (pods.length === 0) return [];
  const hosts = nodeIps.filter((ip) => ip.family === family).map(hostCidr);
  const services = serviceCidrs.filter(({ ip }) => ip.family === family);
  const word = family === 4 ? 'ip' : 'ip6';
  const multicast = family === 4 ? '224.0.0.0/4' : 'ff00::/8';
  const leaving = `oifname "${uplink}" ${word} saddr ${renderSet(pods)} ${word} daddr != ${renderSet(
    [...pods, ...services, ...hosts],
    [multicast],
  )}`;
  const { first, last } = masqueradePorts;
  return [
    `${leaving} meta l4proto { tcp, udp } masquerade to :${first}-${last} fully-random`,
    `${leaving} masquerade`,
  ];
}

/** An interval set must not overlap (nft: "conflicting intervals"), so blocks inside others are left out. */
function renderSet(cidrs: readonly Cidr[], more: readonly string[] = []): string {
  const texts = new Set<string>();
  // Thousands are nodes' addresses, which nothing is inside of.
  const blocks = cidrs.filter((cidr) => !isHost(cidr));
  for (const cidr of cidrs) {
    const inside = blocks.some((other) => other.prefix < cidr.prefix && cidrContains(other, cidr.ip));
    if (!inside) texts.add(formatSetElement(cidr));
  }
  return `{ ${[...texts, ...more].join(', ')} }`;
}

function formatSetElement(cidr: Cidr): string {
  return isHost(cidr) ? formatIp(cidr.ip) : formatCidr(cidr);
}

function hostCidr(ip: Ip): Cidr {
  return { ip, prefix: ip.family === 4 ? 32 : 128 };
}

function isHost({ ip, prefix }: Cidr): boolean {
  return prefix === (ip.family === 4 ? 32 : 128);
}
