import { describe, expect, it } from 'vitest';
import type { Route } from '../../../linux/netlink/route-netlink.ts';
import { formatCidr, parseCidr } from '../../../net/cidr.ts';
import { formatIp, parseIp } from '../../../net/ip.ts';
import { planHostgw } from './plan.ts';

const uplink = { index: 2, networks: [parseCidr('172.20.0.0/16'), parseCidr('fd00:20::/64')] };
const node = (name: string, podCidrs: string[], internalIps: string[]) => ({
  name,
  podCidrs: podCidrs.map((cidr) => parseCidr(cidr)),
  internalIps: internalIps.map(parseIp),
});
const two = node('two', ['10.244.2.0/24', 'fd00:244:2::/64'], ['172.20.0.2', 'fd00:20::2']);
const three = node('three', ['10.244.3.0/24'], ['172.20.0.3']);
const show = (route: Route) => `${formatCidr(route.destination!)} via ${formatIp(route.gateway!)}`;

function plan(nodes: ReturnType<typeof node>[], present: Route[] = []) {
  const { ensure, remove, problems } = planHostgw({ nodes, uplink, present });
  return { ensure: ensure.map(show), remove: remove.map(show), problems };
}
const routesOf = (nodes: ReturnType<typeof node>[]) => planHostgw({ nodes, uplink, present: [] }).ensure;

it('routes each pod CIDR to its node, by the address of the same family', () => {
  expect(plan([two, three])).toEqual({
    ensure: [
      '10.244.2.0/24 via 172.20.0.2',
      'fd00:244:2::/64 via fd00:20::2',
      '10.244.3.0/24 via 172.20.0.3',
    ],
    remove: [],
    problems: [],
  });
});

it('changes nothing where all is right', () => {
  expect(plan([two, three], routesOf([two, three]))).toEqual({ ensure: [], remove: [], problems: [] });
});

it('removes the routes of a node that is gone', () => {
  expect(plan([two], routesOf([two, three]))).toMatchObject({
    ensure: [],
    remove: ['10.244.3.0/24 via 172.20.0.3'],
  });
});

it('replaces the route of a node that has a new address, and removes nothing', () => {
  const moved = node('three', ['10.244.3.0/24'], ['172.20.0.33']);
  expect(plan([moved], routesOf([three]))).toMatchObject({
    ensure: ['10.244.3.0/24 via 172.20.0.33'],
    remove: [],
  });
});

it('leaves routes alone that are not its own', () => {
  const pod = { ...routesOf([three])[0]!, gateway: undefined };
  const others = { ...routesOf([three])[0]!, protocol: 4 };
  const elsewhere = { ...routesOf([three])[0]!, link: 9 };
  expect(plan([], [pod, others, elsewhere] as Route[]).remove).toEqual([]);
});

describe('a node that cannot be reached is reported, the others are served', () => {
  it.each([
    [
      'no address of the family',
      node('bad', ['fd00:9::/64'], ['172.20.0.9']),
      'has the pod CIDR fd00:9::/64 but no IPv6 InternalIP',
    ],
    [
      'another network',
      node('bad', ['10.244.9.0/24'], ['192.0.2.9']),
      'its InternalIP 192.0.2.9 is in no network of the uplink; host-gw needs nodes on one network',
    ],
    [
      'another node’s CIDR',
      node('bad', ['10.244.3.0/24'], ['172.20.0.9']),
      'its pod CIDR 10.244.3.0/24 belongs to the node at 172.20.0.3 already',
    ],
  ])('%s', (_, bad, problem) => {
    expect(plan([three, bad])).toEqual({
      ensure: ['10.244.3.0/24 via 172.20.0.3'],
      remove: [],
      problems: [{ node: 'bad', problem }],
    });
  });
});
