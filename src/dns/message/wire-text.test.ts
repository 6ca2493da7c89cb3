/** Data of any bytes has a text that is read and written as the same, or none of its own. */
import { expect, test } from 'vitest';
import { formatRecord, parseRecord } from './presentation.ts';

/** Numbers that look random and are the same at each run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const texts = [
  'RRSIG A 8 2 3600 20260426031301 20260327031301 12051 a.org. SsRTHytW4YTAuA==',
  'NSEC b.a.org. A NS SOA MX AAAA RRSIG NSEC DNSKEY CAA TYPE1234',
  'NSEC3 1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR MX DNSKEY NSEC3PARAM',
  'DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118',
  'NAPTR 100 10 S "SIP+D2U" "" _sip._udp.a.org.',
  'SVCB 1 b.org. mandatory=port alpn="h2,h3" port=8443 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1 key9="x y"',
  'HINFO "PC Intel" Debian',
  'CAA 128 iodef "mailto:a@a.org"',
];

test.each(texts)('changed at random: %s', (text) => {
  const { data } = parseRecord(`a.org. 60 IN ${text}`);
  if (!('bytes' in data)) throw new Error('the codec keeps these as bytes');
  const pick = numbers(7);
  for (let i = 0; i < 2000; i++) {
    const bytes = Uint8Array.from(data.bytes);
    for (let left = pick(4); left >= 0; left--) bytes[pick(bytes.length)] = pick(256);
    const cut = bytes.subarray(0, pick(4) === 0 ? pick(bytes.length + 1) : bytes.length);
    const written = formatRecord({ name: 'a.org', class: 1, ttl: 60, data: { type: data.type, bytes: cut } });
    expect(formatRecord(parseRecord(written))).toBe(written);
  }
});
