import { expect, it } from 'vitest';
import { formatIp } from '../net/ip.ts';
import { formatPortMappings, parsePortMappings } from './port-mappings.ts';

const parse = (...portMappings: unknown[]) => parsePortMappings({ portMappings });

it('reads what containerd passes, whose fields have no names of their own in JSON', () => {
  const [web, dns] = parse(
    { HostPort: 54323, ContainerPort: 8080, Protocol: 'tcp', HostIP: '127.0.0.1' },
    { HostPort: 53, ContainerPort: 5353, Protocol: 'udp', HostIP: '' },
  );
  expect(web).toMatchObject({ hostPort: 54_323, containerPort: 8080, protocol: 'TCP' });
  expect(formatIp(web!.hostIp!)).toBe('127.0.0.1');
  expect(dns).toEqual({ hostPort: 53, containerPort: 5353, protocol: 'UDP' });
});

it('reads what the convention says', () => {
  const [web, dns] = parse(
    { hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP: '' },
    { hostPort: 53, containerPort: 5353, protocol: 'udp', hostIP: '10.9.0.1' },
  );
  expect(web).toEqual({ hostPort: 8080, containerPort: 80, protocol: 'TCP' });
  expect(dns).toMatchObject({ hostPort: 53, containerPort: 5353, protocol: 'UDP' });
  expect(formatIp(dns!.hostIp!)).toBe('10.9.0.1');
});

it('takes a port without a protocol for TCP, and each mapping once', () => {
  expect(
    parse({ hostPort: 1, containerPort: 2 }, { hostPort: 1, containerPort: 2, protocol: 'TCP' }),
  ).toEqual([{ hostPort: 1, containerPort: 2, protocol: 'TCP' }]);
});

it('has none without the capability', () => {
  expect(parsePortMappings({})).toEqual([]);
});

it('reads what it wrote', () => {
  const mappings = parse(
    { hostPort: 1, containerPort: 2, protocol: 'sctp', hostIP: '::' },
    { hostPort: 3, containerPort: 4, protocol: 'udp' },
  );
  expect(parse(...formatPortMappings(mappings))).toEqual(mappings);
});

it.each([
  [{ hostPort: 0, containerPort: 80 }, 'a port mapping’s hostPort is 0, no port'],
  [{ hostPort: 80, containerPort: 65_536 }, 'a port mapping’s containerPort is 65536, no port'],
  [{ hostPort: '80', containerPort: 80 }, 'a port mapping’s hostPort is "80", no port'],
  [{ hostPort: 80, containerPort: 80, protocol: 'icmp' }, 'a port mapping’s protocol is "icmp"'],
  [{ hostPort: 80, containerPort: 80, hostIP: 'here' }, 'a port mapping’s hostIP is "here", no address'],
  [null, 'a port mapping’s hostPort is undefined, no port'],
])('refuses %j', (mapping, message) => {
  expect(() => parse(mapping)).toThrow(expect.objectContaining({ cniCode: 7, message }));
});

it('refuses what is no list', () => {
  expect(() => parsePortMappings({ portMappings: {} })).toThrow('portMappings is no list');
});
