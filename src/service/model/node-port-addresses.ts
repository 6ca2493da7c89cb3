/**
 * On which of the node's addresses NodePorts answer: kube-proxy's `nodePortAddresses` (pkg/proxy/util,
 * NodePortAddresses), for each family by itself.
 */
import { type Cidr, cidrContains, tryParseCidr } from '../../net/cidr.ts';
import { type Family, type Ip, isLinkLocal, isLoopback, parseIp } from '../../net/ip.ts';
import { TendrilError } from '../../util/errors.ts';

/** CIDRs, or the address of each family that the Node object names first. A family without a CIDR answers on all. */
export type NodePortSelection = 'primary' | readonly Cidr[];

export const allNodePortAddresses: NodePortSelection = [];

const loopbackAddresses = [parseIp('127.0.0.1'), parseIp('::1')];

/** @throws TendrilError BAD_INPUT for what is neither CIDRs nor `primary` alone */
export function parseNodePortSelection(texts: readonly string[]): NodePortSelection {
  if (texts.length === 1 && texts[0] === 'primary') return 'primary';
  return texts.map((text) => {
    const cidr = tryParseCidr(text);
    if (cidr !== undefined) return cidr;
    throw new TendrilError('BAD_INPUT', `"${text}" is no CIDR whose addresses serve NodePorts`, {
      remedy: 'give CIDRs such as 192.168.0.0/16 and fd00::/8, or the one word "primary"',
    });
  });
}

/**
 * The addresses that answer, loopback among them where it is selected; link-local addresses never served NodePorts.
 * @param addresses the node's own, the first of each family being its primary one
 */
export function nodePortAddresses(selection: NodePortSelection, addresses: readonly Ip[]): Ip[] {
  const global = addresses.filter((ip) => !isLinkLocal(ip) && !isLoopback(ip));
  return ([4, 6] as const).flatMap((family) => {
    const own = global.filter((ip) => ip.family === family);
    if (selection === 'primary') return own.slice(0, 1);
    return [...own, ...loopbackAddresses].filter((ip) => ip.family === family && isSelected(selection, ip));
  });
}

function isSelected(selection: readonly Cidr[], ip: Ip): boolean {
  const cidrs = ofFamily(selection, ip.family);
  return cidrs.length === 0 || cidrs.some((cidr) => cidrContains(cidr, ip));
}

/** Whether a family answers on every address of the node. */
export function selectsAll(selection: NodePortSelection, family: Family): boolean {
  if (selection === 'primary') return false;
  const cidrs = ofFamily(selection, family);
  return cidrs.length === 0 || cidrs.some(({ prefix }) => prefix === 0);
}

function ofFamily(selection: readonly Cidr[], family: Family): Cidr[] {
  return selection.filter(({ ip }) => ip.family === family);
}
