import { expect, it } from 'vitest';
import { FakeNetwork, fakeNetns } from '../../../linux/netlink/fake-route-netlink.ts';
import type { Sysctls } from '../../../linux/sysctl/sysctl.ts';
import { parseIp } from '../../../net/ip.ts';
import { describePodInterface } from '../pod-interface.cases.ts';
import { createRoutedInterface, type PodNamespaces } from './apply.ts';

function routed(options: { sysctl?: PodNamespaces['sysctl']; mtu?: () => number } = {}) {
  const network = new FakeNetwork();
  const node = network.open();
  const openPod = (path: string) => network.open(fakeNetns(path));
  const podInterface = createRoutedInterface({
    node,
    situation: () => ({ mtu: options.mtu?.() ?? 1450, sources: [], ipv6: true }),
    namespaces: { open: fakeNetns, netlink: network.open, sysctl: options.sysctl ?? (() => {}) },
  });
  return { podInterface, node, pods: ['pod-1', 'pod-2'] as [string, string], openPod, tearDown() {} };
}

describePodInterface('routed, in memory', () => routed());

const spec = { containerId: 'c', ifName: 'eth0', netns: 'pod-1', ips: [parseIp('fd00::5')] };

it('writes settings of both ends while they are down', () => {
  const written: [where: string, up: boolean, Sysctls][] = [];
  const setup = routed({
    sysctl: (netns, values) => {
      const ups = netns === null ? setup.node.links() : setup.openPod(netns.path).links();
      written.push([netns?.path ?? 'node', ups.some(({ kind, up }) => kind === 'veth' && up), values]);
    },
  });
  setup.podInterface.add(spec);
  expect(written.map(([where, up]) => [where, up])).toEqual([
    ['node', false],
    ['pod-1', false],
  ]);
});

it('leaves nothing when a step in the middle fails', () => {
  const setup = routed({
    sysctl: () => {
      throw new Error('read-only file system');
    },
  });
  expect(() => setup.podInterface.add(spec)).toThrow('read-only');
  expect(setup.node.links().map(({ name }) => name)).toEqual(['lo']);
});

it('tells the MTU that a pod’s link has, not the one that a new pod would get', () => {
  let mtu = 1400;
  const { podInterface } = routed({ mtu: () => mtu });
  podInterface.add(spec);
  mtu = 9000;
  expect(podInterface.check(spec).link?.mtu).toBe(1400);
});
