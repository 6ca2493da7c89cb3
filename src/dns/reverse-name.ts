/** Names that stand for addresses, below in-addr.arpa and ip6.arpa. */
import { type Ip, ipFromBytes } from '../net/ip.ts';

export function isReverseName(name: string): boolean {
  return name.endsWith('.in-addr.arpa') || name.endsWith('.ip6.arpa');
}

/** The address that a complete reverse name asks for (RFC 1035 section 3.5, RFC 3596 section 2.5). */
export function reverseIp(name: string): Ip | undefined {
  const labels = name.split('.');
  if (name.endsWith('.in-addr.arpa') && labels.length === 6) {
    const bytes = labels.slice(0, 4).reverse();
    return bytes.every((byte) => /^(0|[1-9]\d{0,2})$/.test(byte) && Number(byte) <= 255)
      ? ipFromBytes(Uint8Array.from(bytes.map(Number)))
      : undefined;
  }
  if (!name.endsWith('.ip6.arpa') || labels.length !== 34) return undefined;
  const digits = labels.slice(0, 32).reverse().join('');
  return /^[0-9a-f]{32}$/.test(digits) ? ipFromBytes(Buffer.from(digits, 'hex')) : undefined;
}
