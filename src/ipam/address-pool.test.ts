import { describe, expect, it } from 'vitest';
import { parseCidr } from '../net/cidr.ts';
import { formatIp, type Ip, parseIp } from '../net/ip.ts';
import fc from '../util/testing/properties.ts';
import { AddressPool } from './address-pool.ts';

const pool = (cidr: string, restMs = 30_000) => new AddressPool(parseCidr(cidr), { restMs });
const take = (from: AddressPool, count: number, now = 0) =>
  Array.from({ length: count }, () => formatIp(from.take(now)));

describe('which addresses of a block are handed out', () => {
  it.each([
    ['10.1.2.0/29', ['10.1.2.1', '10.1.2.2', '10.1.2.3', '10.1.2.4', '10.1.2.5', '10.1.2.6']],
    ['10.1.2.0/31', ['10.1.2.0', '10.1.2.1']],
    ['10.1.2.7/32', ['10.1.2.7']],
    ['fd00::/126', ['fd00::1', 'fd00::2', 'fd00::3']],
  ])('%s: %s', (cidr, expected) => {
    const it = pool(cidr);
    expect(take(it, expected.length)).toEqual(expected);
    expect(() => it.take(0)).toThrow('no address is left');
  });

  it('finds its way in a /64', () => {
    expect(take(pool('fd00:10:244:1::/64'), 2)).toEqual(['fd00:10:244:1::1', 'fd00:10:244:1::2']);
  });
});

describe('a freed address', () => {
  it('rests, and comes back after the others', () => {
    const it = pool('10.0.0.0/29');
    const first = it.take(0);
    it.release(first, 0);
    expect(take(it, 5, 29_999)).not.toContain('10.0.0.1');
    expect(() => it.take(29_999)).toThrow('5 of 6 in use, 1 freed less than 30 s ago');
    expect(take(it, 1, 30_000)).toEqual(['10.0.0.1']);
  });

  it('does not wait for a clock that was set back', () => {
    const it = pool('10.0.0.7/32');
    it.release(it.take(1_000_000), 1_000_000);
    expect(take(it, 1, 5)).toEqual(['10.0.0.7']);
  });
});

it('names the block, its size and its use when nothing is left', () => {
  const it = pool('10.0.0.0/30');
  take(it, 2);
  expect(() => it.take(0)).toThrow('no address is left in 10.0.0.0/30: 2 of 2 in use');
});

it('never hands out an address twice, whatever the order of takes and releases', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant(-1), fc.nat(20)), { maxLength: 200 }), (steps) => {
      const it = pool('10.0.0.0/28', 0);
      const held: string[] = [];
      const ips = new Map<string, ReturnType<AddressPool['take']>>();
      for (const step of steps) {
        if (step < 0 && held.length < 14) {
          const ip = it.take(0);
          expect(held).not.toContain(formatIp(ip));
          held.push(formatIp(ip));
          ips.set(formatIp(ip), ip);
        } else if (step >= 0 && held.length > 0) {
          it.release(ips.get(held.splice(step % held.length, 1)[0]!)!, 0);
        }
      }
      expect(it.usage(0).used).toBe(held.length);
    }),
  );
});

it('gives nobody what somebody else has, and says so when that is all', () => {
  const shared = new AddressPool(parseCidr('10.0.0.0/29'), { restMs: 0 });
  const others = ['10.0.0.2', '10.0.0.3'];
  const isTaken = (ip: Ip) => others.includes(formatIp(ip));
  expect([1, 2].map(() => formatIp(shared.take(0, isTaken)))).toEqual(['10.0.0.1', '10.0.0.4']);
  expect(() => shared.take(0, () => true)).toThrow('no address is left');
  expect(formatIp(shared.take(0))).toBe('10.0.0.5');
});

it('begins far from where it was when it is told to', () => {
  const small = new AddressPool(parseCidr('10.0.0.0/24'), { restMs: 0 });
  small.restore(parseIp('10.0.0.7'));
  small.skipAhead();
  expect(formatIp(small.take(0))).toBe('10.0.0.135');
  const large = new AddressPool(parseCidr('fd00::/64'), { restMs: 0 });
  large.skipAhead();
  expect(formatIp(large.take(0))).toBe('fd00::8001');
});
