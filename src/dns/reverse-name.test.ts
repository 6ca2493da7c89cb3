import { expect, test } from 'vitest';
import { formatIp } from '../net/ip.ts';
import { reverseIp } from './reverse-name.ts';

test('reverse names', () => {
  expect(formatIp(reverseIp('4.3.2.10.in-addr.arpa')!)).toBe('10.2.3.4');
  expect(reverseIp('3.2.10.in-addr.arpa')).toBeUndefined();
  expect(reverseIp('04.3.2.10.in-addr.arpa')).toBeUndefined();
  const ip6 = `${'0.'.repeat(3)}2.${'0.'.repeat(12)}6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa`;
  expect(reverseIp(ip6)).toBeUndefined();
});
