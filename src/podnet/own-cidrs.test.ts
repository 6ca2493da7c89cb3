import { expect, it } from 'vitest';
import { FakeNetwork } from '../linux/netlink/fake-route-netlink.ts';
import { formatCidr, parseCidr } from '../net/cidr.ts';
import { ensureOwnCidrs } from './own-cidrs.ts';

it('makes the rest of the own blocks unreachable, and follows when they change', () => {
  const netlink = new FakeNetwork().open();
  const blocks = () =>
    netlink
      .routes({ table: 254, protocol: 84 })
      .filter(({ type }) => type === 'unreachable')
      .map(({ destination }) => formatCidr(destination!));
  const set = (...cidrs: string[]) =>
    ensureOwnCidrs(
      netlink,
      cidrs.map((cidr) => parseCidr(cidr)),
    );
  set('10.244.1.0/24', 'fd00:244:1::/64');
  set('10.244.1.0/24', 'fd00:244:1::/64');
  expect(blocks()).toEqual(['10.244.1.0/24', 'fd00:244:1::/64']);
  set('10.244.9.0/24');
  expect(blocks()).toEqual(['10.244.9.0/24']);
});
