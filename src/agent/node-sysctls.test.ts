import { expect, it } from 'vitest';
import { planNodeSysctls } from './node-sysctls.ts';

const fresh = { uplink: 'eth0', ipv6: true, acceptRa: '0', reservedPorts: '' };

it('makes a router of the node and keeps its sockets off the ports of others', () => {
  expect(Object.entries(planNodeSysctls(fresh))).toEqual([
    ['net.ipv4.ip_forward', 1],
    ['net.ipv4.conf.all.rp_filter', 0],
    ['net.ipv4.conf.eth0.rp_filter', 0],
    ['net.ipv4.ip_local_port_range', '45000 54999'],
    ['net.ipv4.ip_local_reserved_ports', '30000-32767'],
    ['net.ipv6.conf.all.forwarding', 1],
  ]);
});

it('keeps the default route of a node that has it from router advertisements', () => {
  expect(planNodeSysctls({ ...fresh, uplink: 'eth0.5', acceptRa: '1' })).toMatchObject({
    'net.ipv6.conf.eth0/5.accept_ra': 2,
  });
});

it('keeps ports that are reserved already, and says nothing of IPv6 where there is none', () => {
  const plan = planNodeSysctls({
    ...fresh,
    ipv6: false,
    acceptRa: undefined,
    reservedPorts: '8080,30000-32767',
  });
  expect(plan['net.ipv4.ip_local_reserved_ports']).toBe('8080,30000-32767');
  expect(Object.keys(plan).filter((key) => key.includes('ipv6'))).toEqual([]);
});
