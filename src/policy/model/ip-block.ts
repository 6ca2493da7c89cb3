/** `ipBlock` of a peer, in a form that is equal for equal ones. */
import { type Cidr, cidrContains, cidrHolds, cidrOf, familyBits, formatCidr } from '../../net/cidr.ts';
import { mappedBytes, tryParseIp } from '../../net/ip.ts';

export interface IpBlock {
  /** `cidr except …`, canonical. */
  text: string;
  cidr: Cidr;
  /** Each strictly inside `cidr`. */
  excepts: readonly Cidr[];
}

/** Undefined for a block that holds nothing: all of it is excepted, or a part of it is no CIDR. */
export function ipBlock({ cidr, except }: { cidr: string; except?: readonly string[] }): IpBlock | undefined {
  const block = blockCidr(cidr);
  const excepts = (except ?? []).map(blockCidr);
  if (block === undefined || excepts.some((one) => one === undefined || cidrHolds(one, block)))
    return undefined;
  const inside = (excepts as Cidr[]).filter((one) => cidrHolds(block, one));
  const byText = new Map(inside.map((one) => [formatCidr(one), one]));
  const texts = [...byText.keys()].sort();
  return {
    text: [formatCidr(block), ...(texts.length > 0 ? ['except', ...texts] : [])].join(' '),
    cidr: block,
    excepts: texts.map((text) => byText.get(text)!),
  };
}

export function blockHolds({ cidr, excepts }: IpBlock, address: string): boolean {
  const ip = tryParseIp(address)!;
  return cidrContains(cidr, ip) && !excepts.some((one) => cidrContains(one, ip));
}

/** Host bits are cleared, as objects of older clusters may have them. `::ffff:10.0.0.0/104` is `10.0.0.0/8`, as in Go. */
function blockCidr(text: string): Cidr | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const ip = match ? tryParseIp(match[1]!) : undefined;
  if (ip === undefined) return undefined;
  const prefix = Number(match![2]);
  const mapped = ip.family === 4 && text.includes(':');
  if (prefix > (mapped ? 128 : familyBits(ip.family))) return undefined;
  if (!mapped) return cidrOf(ip, prefix);
  return prefix >= 96 ? cidrOf(ip, prefix - 96) : cidrOf({ family: 6, bytes: mappedBytes(ip) }, prefix);
}
