/** CIDR blocks. The address of a Cidr is always the block's first (host bits are zero). */
import { TendrilError } from '../util/errors.ts';
import { compareIp, type Family, formatIp, type Ip, ipFromBigInt, ipToBigInt, tryParseIp } from './ip.ts';

export interface Cidr {
  readonly ip: Ip;
  readonly prefix: number;
}

export function familyBits(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/**
 * Parses `10.244.0.0/16`. Host bits must be zero unless `allowHostBits`, which then clears them.
 * @throws TendrilError BAD_INPUT
 */
export function parseCidr(text: string, options: { allowHostBits?: boolean } = {}): Cidr {
  const cidr = tryParseCidr(text);
  if (cidr === undefined) {
    throw new TendrilError('BAD_INPUT', `"${text}" is not a CIDR such as 10.244.0.0/16 or fd00:10:244::/56`);
  }
  if (!options.allowHostBits && compareIp(cidr.ip, tryParseIp(text.split('/')[0]!)!) !== 0) {
    throw new TendrilError('BAD_INPUT', `"${text}" has host bits set; did you mean ${formatCidr(cidr)}?`);
  }
  return cidr;
}

/** Host bits are cleared. Undefined for what is no CIDR. */
export function tryParseCidr(text: string): Cidr | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const ip = match ? tryParseIp(match[1]!) : undefined;
  const prefix = Number(match?.[2]);
  return ip === undefined || prefix > familyBits(ip.family) ? undefined : cidrOf(ip, prefix);
}

/** The block of the given length that holds the address. */
export function cidrOf(ip: Ip, prefix: number): Cidr {
  const hostBits = BigInt(familyBits(ip.family) - prefix);
  return { ip: ipFromBigInt(ip.family, (ipToBigInt(ip) >> hostBits) << hostBits), prefix };
}

export function formatCidr(cidr: Cidr): string {
  return `${formatIp(cidr.ip)}/${cidr.prefix}`;
}

export function cidrContains(cidr: Cidr, ip: Ip): boolean {
  return ip.family === cidr.ip.family && compareIp(cidrOf(ip, cidr.prefix).ip, cidr.ip) === 0;
}

/** Whether all of `inner` lies in `outer`. */
export function cidrHolds(outer: Cidr, inner: Cidr): boolean {
  return outer.prefix <= inner.prefix && cidrContains(outer, inner.ip);
}

export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return a.prefix <= b.prefix ? cidrContains(a, b.ip) : cidrContains(b, a.ip);
}

/** How many addresses the block holds. */
export function cidrSize(cidr: Cidr): bigint {
  return 1n << BigInt(familyBits(cidr.ip.family) - cidr.prefix);
}

/**
 * The address at an index; a negative one counts from the end.
 * @throws RangeError outside the block
 */
export function nthIp(cidr: Cidr, index: number | bigint): Ip {
  const size = cidrSize(cidr);
  const offset = BigInt(index) < 0n ? size + BigInt(index) : BigInt(index);
  if (offset < 0n || offset >= size)
    throw new RangeError(`${formatCidr(cidr)} has no address number ${index}`);
  return ipFromBigInt(cidr.ip.family, ipToBigInt(cidr.ip) + offset);
}

/**
 * The index-th sub-block of the given prefix length.
 * @throws RangeError where there is none
 */
export function subnet(cidr: Cidr, prefix: number, index: number): Cidr {
  const count = 1n << BigInt(Math.max(0, prefix - cidr.prefix));
  if (prefix < cidr.prefix || index < 0 || BigInt(index) >= count) {
    throw new RangeError(`${formatCidr(cidr)} has no /${prefix} number ${index}`);
  }
  const step = 1n << BigInt(familyBits(cidr.ip.family) - prefix);
  return { ip: ipFromBigInt(cidr.ip.family, ipToBigInt(cidr.ip) + step * BigInt(index)), prefix };
}
