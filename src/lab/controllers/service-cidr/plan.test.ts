import { expect, test } from 'vitest';
import type { IpAddress, ServiceCidr } from '../../../kube/types.ts';
import { meta } from '../test-objects.ts';
import { mayGo } from './plan.ts';

const cidr = (name: string, ...cidrs: string[]): ServiceCidr => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'ServiceCIDR',
  metadata: meta(name),
  spec: { cidrs },
});
const address = (
  name: string,
  labels = { 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' },
): IpAddress => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IPAddress',
  metadata: meta(name, { labels }),
  spec: { parentRef: { resource: 'services', namespace: 'default', name: 'web' } },
});

const going = cidr('going', '10.1.0.0/24', 'fd00:1::/112');
test.each<[string, ServiceCidr[], IpAddress[], boolean]>([
  ['no Service has an address of it', [], [address('10.2.0.1')], true],
  ['a Service has one', [], [address('10.1.0.1')], false],
  ['a Service has one of its second family', [], [address('fd00:1::7')], false],
  ['another has the address too', [cidr('part', '10.1.0.0/28')], [address('10.1.0.1')], true],
  [
    'another has some of the addresses',
    [cidr('part', '10.1.0.0/28')],
    [address('10.1.0.1'), address('10.1.0.99')],
    false,
  ],
  [
    'others hold all of it',
    [cidr('a', '10.0.0.0/8'), cidr('b', 'fd00:1::/112')],
    [address('10.1.0.1')],
    true,
  ],
  ['others hold a part of it', [cidr('a', '10.0.0.0/8')], [address('fd00:1::1')], false],
  ['the address is somebody else’s', [], [address('10.1.0.1', {} as never)], true],
])('where %s', (_, others, addresses, expected) => {
  expect(mayGo(going, { all: [going, ...others], addresses })).toBe(expected);
});
