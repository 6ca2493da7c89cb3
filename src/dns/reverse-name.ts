/** Names that stand for addresses, below in-addr.arpa and ip6.arpa. */
import { type Ip, ipFromBytes } from '../net/ip.ts';

/** The address that a complete reverse name asks for (RFC 1035 section 3.5, RFC 3596 section 2.5). */
export function reverseIp(name: string): Ip | undefined {
  const labels = name.split('.');
  if (name.endsWith('.in-addr.arpa') && labels.length === 6) {
    const bytes = labels.slice(0, 4).reverse().map(Number);
    return bytes.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255)
      ? ipFromBytes(Uint8Array.from(bytes))
      : undefined;
  }
  if (!name.endsWith('.ip6.arpa') || labels.length !== 34) return undefined;
  const digits = labels.slice(0, 32).reverse().join('');
  return /^[0-9a-f]{32}$/.test(digits) ? ipFromBytes(Buffer.from(digits, 'hex')) : undefined;
}
