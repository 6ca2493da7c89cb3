import { describe, expect, test } from 'vitest';
import { formatCidr } from '../../net/cidr.ts';
import { formatIp } from '../../net/ip.ts';
import { planFabric } from './fabric-plan.ts';
import { type LabOptions, planLab } from './lab-options.ts';

const lab = (over: Partial<LabOptions> = {}) =>
  planFabric(
    planLab({
      name: 'lab',
      nodes: 2,
      ipFamily: 'dual',
      podCidrs: [],
      serviceCidrs: [],
      fastProbes: false,
      podPidsLimit: 1024,
      internet: false,
      program: '/opt/tendril',
      ...over,
    }),
  );

const addresses = (list: { ip: Parameters<typeof formatIp>[0]; prefix: number }[]) =>
  list.map(({ ip, prefix }) => `${formatIp(ip)}/${prefix}`);

describe('the fabric', () => {
  test('has a bridge with the API server’s addresses', () => {
    expect(addresses(lab().bridge.addresses)).toEqual(['172.20.0.2/16', 'fd00:10:20::2/64']);
  });

  test('joins the outside host and every node', () => {
    expect(lab().hosts.map(({ netns, port, addresses: own }) => [netns, port, ...addresses(own)])).toEqual([
      ['outside', 'port-outside', '172.20.0.1/16', 'fd00:10:20::1/64'],
      ['node-1', 'port-1', '172.20.0.11/16', 'fd00:10:20::b/64'],
      ['node-2', 'port-2', '172.20.0.12/16', 'fd00:10:20::c/64'],
    ]);
  });

  test('leads the nodes to the world through the outside host, which answers for it', () => {
    const [outside, node] = lab().hosts;
    expect(node!.gateways.map(formatIp)).toEqual(['172.20.0.1', 'fd00:10:20::1']);
    expect(outside!.gateways).toEqual([]);
    expect(outside!.localCidrs.map(formatCidr)).toEqual(['198.51.100.0/24', '2001:db8::/32']);
  });

  test('has the outside host take the place of an API server that is there already', () => {
    const external = {
      endpoint: { server: 'https://127.0.0.1:6443' },
      version: 'v1.36.3',
      advertised: ['203.0.113.10', '2001:db8:ffff::10', '172.20.0.2'].map((ip) => ({ ip, port: 6443 })),
      clientCa: '',
      runs: { controllers: false, scheduler: false },
    };
    expect(addresses(lab({ external }).hosts[0]!.addresses).slice(2)).toEqual([
      '203.0.113.10/32',
      '2001:db8:ffff::10/128',
    ]);
  });

  test('has interface names that fit the kernel’s 15 characters', () => {
    for (const { port } of lab({ nodes: 100 }).hosts) expect(port.length).toBeLessThanOrEqual(15);
  });

  test('of one family has addresses of that family only', () => {
    const { hosts, bridge } = lab({ ipFamily: 'ipv6' });
    expect(
      [...hosts.flatMap((host) => host.addresses), ...bridge.addresses].every(({ ip }) => ip.family === 6),
    ).toBe(true);
  });
});
