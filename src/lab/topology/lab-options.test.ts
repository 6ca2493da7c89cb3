import { describe, expect, test } from 'vitest';
import { type LabOptions, planLab } from './lab-options.ts';

const options = (over: Partial<LabOptions> = {}): LabOptions => ({
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
});

describe('a lab’s plan', () => {
  test('by default', () => {
    expect(planLab(options())).toMatchObject({
      nodes: [
        { name: 'node-1', ips: ['172.20.0.11', 'fd00:10:20::b'] },
        { name: 'node-2', ips: ['172.20.0.12', 'fd00:10:20::c'] },
      ],
      podCidrs: ['10.244.0.0/16', 'fd00:10:244::/56'],
      serviceCidrs: ['10.96.0.0/16', 'fd00:10:96::/112'],
      apiServerIps: ['172.20.0.2', 'fd00:10:20::2'],
      outsideIps: ['172.20.0.1', 'fd00:10:20::1'],
      dnsIps: ['10.96.0.10', 'fd00:10:96::a'],
    });
  });

  test('of one family', () => {
    expect(planLab(options({ ipFamily: 'ipv6' }))).toMatchObject({
      podCidrs: ['fd00:10:244::/56'],
      dnsIps: ['fd00:10:96::a'],
    });
    expect(planLab(options({ ipFamily: 'ipv4' })).nodes[0]!.ips).toEqual(['172.20.0.11']);
  });

  test('a given block replaces the default of its family, and the first given is primary', () => {
    expect(planLab(options({ podCidrs: ['fd00:1::/56'] })).podCidrs).toEqual([
      'fd00:1::/56',
      '10.244.0.0/16',
    ]);
    expect(planLab(options({ serviceCidrs: ['10.1.0.0/20'] }))).toMatchObject({
      dnsIps: ['10.1.0.10', 'fd00:10:96::a'],
    });
  });

  test('100 nodes fit', () => {
    expect(planLab(options({ nodes: 100 })).nodes.at(-1)).toEqual({
      name: 'node-100',
      ips: ['172.20.0.110', 'fd00:10:20::6e'],
    });
  });
});

describe('what cannot be', () => {
  test.each<{ over: Partial<LabOptions>; message: string }>([
    { over: { name: 'Lab' }, message: 'the name "Lab" must be' },
    { over: { name: '../x' }, message: 'the name "../x" must be' },
    { over: { name: '' }, message: 'the name "" must be' },
    { over: { nodes: 0 }, message: 'between 1 and 100, not 0' },
    { over: { nodes: 101 }, message: 'between 1 and 100, not 101' },
    { over: { podPidsLimit: 3 }, message: 'a pod needs 16 processes at least, not 3' },
    {
      over: { podCidrs: ['10.96.0.0/12'] },
      message: 'the pod CIDR 10.96.0.0/12 overlaps the service CIDR 10.96.0.0/16',
    },
    {
      over: { podCidrs: ['172.16.0.0/12'] },
      message: 'the pod CIDR 172.16.0.0/12 overlaps the fabric CIDR 172.20.0.0/16',
    },
    {
      over: { serviceCidrs: ['172.20.0.0/24'] },
      message: 'the service CIDR 172.20.0.0/24 overlaps the fabric CIDR',
    },
    {
      over: { podCidrs: ['fd00:10:96::/56'] },
      message: 'the pod CIDR fd00:10:96::/56 overlaps the service CIDR fd00:10:96::/112',
    },
    { over: { podCidrs: ['10.244.0.0/24'] }, message: 'has room for 1 nodes of a /24 each, and there are 2' },
    { over: { podCidrs: ['10.244.0.0/25'] }, message: 'has room for 0 nodes' },
    { over: { podCidrs: ['fd00:1::/64'] }, message: 'fd00:1::/64 has room for 1 nodes of a /64 each' },
    { over: { podCidrs: ['10.244.0.1/16'] }, message: 'did you mean 10.244.0.0/16?' },
    { over: { podCidrs: ['nonsense'] }, message: 'pod CIDR: "nonsense" is not a CIDR' },
    { over: { ipFamily: 'ipv4', podCidrs: ['fd00::/56'] }, message: 'is IPv6, which this lab does not have' },
    { over: { podCidrs: ['10.1.0.0/16', '10.2.0.0/16'] }, message: 'two pod CIDRs are IPv4' },
    { over: { serviceCidrs: ['10.96.0.0/30'] }, message: 'is too small' },
    { over: { serviceCidrs: ['fd00:10:96::/64'] }, message: 'is too large; a /108 is the most' },
    { over: { podCidrs: ['198.51.0.0/16'] }, message: 'overlaps the outside host' },
    { over: { podCidrs: ['127.0.0.0/8'] }, message: 'overlaps loopback addresses' },
  ])('$message', ({ over, message }) => {
    expect(() => planLab(options(over))).toThrow(
      expect.objectContaining({ code: 'BAD_INPUT', message: expect.stringContaining(message) }),
    );
  });

  test('every problem is told at once', () => {
    expect(() => planLab(options({ name: 'X', nodes: 0, podCidrs: ['x'] }))).toThrow(
      /name "X".*between 1 and 100.*"x" is not a CIDR/,
    );
  });
});
