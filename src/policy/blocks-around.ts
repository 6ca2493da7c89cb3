/** Blocks by prefix, looked up as the kernel does: IPv4 and IPv6 in one table of v4-mapped addresses. */
import { cidrOf, formatCidr } from '../net/cidr.ts';
import { type Ip, mappedBytes } from '../net/ip.ts';

const mappedBits = 96;

/** Texts of all CIDRs that hold the first `bits` bits of the address, itself with these first, the longest first. */
export function* blocksAround(ip: Ip, bits: number): Generator<string> {
  const own = ip.family === 4 ? mappedBits : 0;
  for (let length = bits; length >= 0; length--) yield formatCidr(cidrOf(ip, length));
  const mapped: Ip = { family: 6, bytes: mappedBytes(ip) };
  for (let length = own - 1; length >= 0; length--) yield formatCidr(cidrOf(mapped, length));
}
