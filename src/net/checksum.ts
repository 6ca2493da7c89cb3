/** The Internet checksum (RFC 1071): the one's complement of the one's complement sum of 16-bit words. */
import type { Ip } from './ip.ts';

/** Sum of 16-bit big-endian words, carries folded in; an odd last byte counts as the high half of its word. */
export function onesSum(bytes: Uint8Array, start = 0): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

/** The checksum to write, where its own field counts as zero. `start` is another part's sum. */
export function checksum(bytes: Uint8Array, start = 0): number {
  return ~onesSum(bytes, start) & 0xffff;
}

/** Whether bytes with their checksum in place sum up: the receiver's test. */
export function sumsUp(bytes: Uint8Array, start = 0): boolean {
  return onesSum(bytes, start) === 0xffff;
}

/** Sum of the pseudo header of TCP, UDP and ICMPv6 (RFC 9293 section 3.1, RFC 8200 section 8.1). */
export function pseudoHeaderSum(addresses: { src: Ip; dst: Ip }, protocol: number, length: number): number {
  const tail = Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length, 0, 0, 0, protocol);
  return onesSum(tail, onesSum(addresses.dst.bytes, onesSum(addresses.src.bytes)));
}
