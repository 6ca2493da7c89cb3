import { expect, it } from 'vitest';
import { FakeNetwork } from '../linux/netlink/fake-route-netlink.ts';
import { formatCidr, parseCidr } from '../net/cidr.ts';
import { parseIp } from '../net/ip.ts';
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

it('leaves a block alone that another plugin’s bridge has on its link, until that is gone', () => {
  const netlink = new FakeNetwork().open();
  const { index: link } = netlink.addLink({ kind: 'bridge', name: 'cni0', up: true });
  const destination = parseCidr('10.244.1.0/24');
  netlink.ensureAddress({ link, ip: parseIp('10.244.1.1'), prefix: 24 });
  netlink.ensureRoute({ family: 4, destination, link, protocol: 2, scope: 253 });
  const set = () => ensureOwnCidrs(netlink, [destination, parseCidr('fd00:244:1::/64')]);
  const routes = () =>
    netlink
      .routes({ table: 254 })
      .map(
        ({ destination: to, type, link: by }) => `${formatCidr(to!)} ${type === 'unreachable' ? type : by}`,
      );
  set();
  expect(routes()).toContain(`10.244.1.0/24 ${link}`);
  expect(routes()).toContain('fd00:244:1::/64 unreachable');
  expect(routes()).not.toContain('10.244.1.0/24 unreachable');
  netlink.deleteLink(link);
  set();
  expect(routes()).toContain('10.244.1.0/24 unreachable');
});
