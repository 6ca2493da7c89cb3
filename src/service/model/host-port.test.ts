import { expect, it, test } from 'vitest';
import { formatIp, parseIp } from '../../net/ip.ts';
import { type HostPort, hostPortBindings } from './host-port.ts';

const nodeAddresses = ['10.9.0.1', '10.9.0.7', 'fd09::1', 'fe80::1'].map(parseIp);

function answers(
  port: Partial<Omit<HostPort, 'hostIp'>> & { hostIp?: string },
  podIps = ['10.244.1.2', 'fd00::2'],
) {
  const { hostIp, ...rest } = port;
  const ports: HostPort[] = [
    {
      ...{ hostPort: 8080, containerPort: 80, protocol: 'TCP', ...rest },
      ...(hostIp !== undefined && { hostIp: parseIp(hostIp) }),
    },
  ];
  const pod = { key: 'pod/eth0', name: 'shop/web', ips: podIps.map(parseIp), ports };
  return Object.fromEntries(
    hostPortBindings(pod, nodeAddresses).map(({ backend, addresses }) => [
      `${formatIp(backend.ip)}|${backend.port}`,
      addresses.map(formatIp).join(' '),
    ]),
  );
}

const ipv4 = { '10.244.1.2|80': '10.9.0.1 10.9.0.7 127.0.0.1' };
const ipv6 = { 'fd00::2|80': 'fd09::1 ::1' };

// What `-m addrtype --dst-type LOCAL` and `-d hostIP` of portmap's chains let in.
test.each([
  ['none', {}, { ...ipv4, ...ipv6 }],
  ['0.0.0.0', { hostIp: '0.0.0.0' }, ipv4],
  ['::', { hostIp: '::' }, ipv6],
  ['one of the node’s', { hostIp: '10.9.0.7' }, { '10.244.1.2|80': '10.9.0.7' }],
  ['one of the node’s, IPv6', { hostIp: 'fd09::1' }, { 'fd00::2|80': 'fd09::1' }],
  ['one that the node does not have', { hostIp: '192.0.2.1' }, {}],
  ['a link-local one', { hostIp: 'fe80::1' }, {}],
  ['loopback', { hostIp: '127.0.0.1' }, { '10.244.1.2|80': '127.0.0.1' }],
  ['another of loopback', { hostIp: '127.0.0.53' }, { '10.244.1.2|80': '127.0.0.53' }],
  ['IPv6’s loopback', { hostIp: '::1' }, { 'fd00::2|80': '::1' }],
] as const)('hostIP %s', (_, port, expected) => {
  expect(answers(port)).toEqual(expected);
});

it('leaves out a family that the pod does not have', () => {
  expect(answers({}, ['10.244.1.2'])).toEqual(ipv4);
  expect(answers({ hostIp: 'fd09::1' }, ['10.244.1.2'])).toEqual({});
});

it('has no SCTP on loopback', () => {
  expect(answers({ protocol: 'SCTP' })).toEqual({
    '10.244.1.2|80': '10.9.0.1 10.9.0.7',
    'fd00::2|80': 'fd09::1',
  });
});
