import { describe, expect, test } from 'vitest';
import fc from '../util/testing/properties.ts';
import {
  canonicalIp,
  compareIp,
  equalIp,
  formatIp,
  ipFromBigInt,
  ipFromBytes,
  ipToBigInt,
  isLinkLocal,
  isLoopback,
  mappedBytes,
  parseIp,
  tryParseIp,
} from './ip.ts';

describe('text', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::', '::'],
    ['::1', '::1'],
    ['fe80::', 'fe80::'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('%s is printed as %s', (text, canonical) => expect(formatIp(parseIp(text))).toBe(canonical));

  test.each(['', '10.0.0', '10.0.0.256', '010.0.0.1', 'fe80::1%eth0', '1::2::3', 'cluster.local'])(
    '"%s" is no address',
    (text) => {
      expect(tryParseIp(text)).toBeUndefined();
      expect(() => parseIp(text)).toThrow('is not an IP address');
    },
  );

  test('any address survives its text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const ip = ipFromBytes(bytes);
        expect(equalIp(parseIp(formatIp(ip)), ip)).toBe(true);
      }),
    );
  });
});

test.each([
  ['fd00:10:244::5', 'fd00:10:244::5'],
  ['fd00::1:5', 'fd00::1:5'],
  // `::` for one group, a zero that belongs to it, and what is written in more digits or as IPv4.
  ['fd00:1:2::4:5:6:7', 'fd00:1:2:0:4:5:6:7'],
  ['fd00::0:5', 'fd00::5'],
  ['FD00::05', 'fd00::5'],
  ['1::ffff:a00:1', '1::ffff:a00:1'],
  ['::ffff:a00:1', '10.0.0.1'],
  ['1:2:3:4:5::6:7:8:9', undefined],
  ['fd00::1::5', undefined],
])('%s is canonically %s', (text, canonical) => expect(canonicalIp(text)).toBe(canonical));

test('map keys hold IPv4 as v4-mapped', () => {
  const bytes = mappedBytes(parseIp('10.1.2.3'));
  expect(Buffer.from(bytes).toString('hex')).toBe('00000000000000000000ffff0a010203');
  expect(formatIp(ipFromBytes(bytes))).toBe('10.1.2.3');
});

test('numbers', () => {
  expect(ipToBigInt(parseIp('0.0.1.0'))).toBe(256n);
  expect(formatIp(ipFromBigInt(6, 1n))).toBe('::1');
  expect(() => ipFromBigInt(4, 1n << 32n)).toThrow(RangeError);
});

test('order: IPv4 first, then by value', () => {
  const sorted = ['::1', '10.0.0.2', '10.0.0.1'].map(parseIp).sort(compareIp).map(formatIp);
  expect(sorted).toEqual(['10.0.0.1', '10.0.0.2', '::1']);
});

test('kinds', () => {
  expect(isLoopback(parseIp('127.9.9.9'))).toBe(true);
  expect(isLoopback(parseIp('::1'))).toBe(true);
  expect(isLinkLocal(parseIp('169.254.1.1'))).toBe(true);
  expect(isLinkLocal(parseIp('febf::1'))).toBe(true);
  expect(isLinkLocal(parseIp('fec0::1'))).toBe(false);
});
