import { expect, test } from 'vitest';
import {
  cidrContains,
  cidrHolds,
  cidrSize,
  cidrsOverlap,
  formatCidr,
  nthIp,
  parseCidr,
  subnet,
} from './cidr.ts';
import { formatIp, parseIp } from './ip.ts';

test.each(['10.0.0.0/8', '0.0.0.0/0', 'fd00:10:244::/56', '::/0', '10.0.0.1/32'])('%s', (text) => {
  expect(formatCidr(parseCidr(text))).toBe(text);
});

test.each(['10.0.0.0', '10.0.0.0/33', 'fd00::/129', 'x/8', '10.0.0.0/-1'])('"%s" is no CIDR', (text) => {
  expect(() => parseCidr(text)).toThrow('is not a CIDR');
});

test('host bits are refused with the block that was likely meant', () => {
  expect(() => parseCidr('10.244.0.1/16')).toThrow('did you mean 10.244.0.0/16?');
  expect(formatCidr(parseCidr('10.244.0.1/16', { allowHostBits: true }))).toBe('10.244.0.0/16');
});

test.each([
  ['10.0.0.0/8', '10.1.0.0/16', true],
  ['10.1.0.0/16', '10.0.0.0/8', true],
  ['10.0.0.0/16', '10.1.0.0/16', false],
  ['0.0.0.0/0', '::/0', false],
])('%s and %s overlap: %s', (a, b, expected) => {
  expect(cidrsOverlap(parseCidr(a), parseCidr(b))).toBe(expected);
});

test('membership knows the family', () => {
  expect(cidrContains(parseCidr('10.96.0.0/16'), parseIp('10.96.255.255'))).toBe(true);
  expect(cidrContains(parseCidr('10.96.0.0/16'), parseIp('10.97.0.0'))).toBe(false);
  expect(cidrContains(parseCidr('::/0'), parseIp('10.97.0.0'))).toBe(false);
});

test('addresses and sub-blocks by number', () => {
  const pods = parseCidr('10.244.0.0/16');
  expect(cidrSize(pods)).toBe(65536n);
  expect(formatIp(nthIp(pods, 1))).toBe('10.244.0.1');
  expect(formatIp(nthIp(pods, -1))).toBe('10.244.255.255');
  expect(() => nthIp(pods, 65536)).toThrow(RangeError);
  expect(formatCidr(subnet(pods, 24, 3))).toBe('10.244.3.0/24');
  expect(formatCidr(subnet(parseCidr('fd00:10:244::/56'), 64, 2))).toBe('fd00:10:244:2::/64');
  expect(() => subnet(pods, 24, 256)).toThrow('has no /24 number 256');
});

test('a block holds another when all of that lies in it', () => {
  const holds = (outer: string, inner: string) => cidrHolds(parseCidr(outer), parseCidr(inner));
  expect(holds('10.0.0.0/8', '10.1.0.0/16')).toBe(true);
  expect(holds('10.0.0.0/8', '10.0.0.0/8')).toBe(true);
  expect(holds('10.1.0.0/16', '10.0.0.0/8')).toBe(false);
  expect(holds('10.0.0.0/8', '11.0.0.0/16')).toBe(false);
  expect(holds('::/0', '10.0.0.0/8')).toBe(false);
});
