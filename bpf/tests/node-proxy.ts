/** A node of the test cluster with its datapath, attached to its uplink and its pod. */
import type { EndpointSlice, Service } from '../../src/kube/types.ts';
import { netnsCookie } from '../../src/linux/bpf/netns-cookie.ts';
import { withNetns } from '../../src/linux/netns/netns.ts';
import { parseIp } from '../../src/net/ip.ts';
import {
  createServiceProxy,
  type ServiceProxy,
  type ServiceProxyOptions,
} from '../../src/service/service-proxy.ts';
import type { TestStore } from '../../src/service/testing-objects.ts';
import { silentLogger } from '../../src/util/logger.ts';
import { addresses, bpfIn, objectsDirectory, type TestNode } from './cluster.ts';

interface Objects extends Partial<Omit<ServiceProxyOptions, 'services' | 'slices' | 'node' | 'bpf'>> {
  services: TestStore<Service>;
  slices: TestStore<EndpointSlice>;
  bpf?: Partial<ServiceProxyOptions['bpf']>;
}

/** Resolves once the node serves what the stores hold. */
export async function proxyOf(node: TestNode, { bpf, ...objects }: Objects): Promise<ServiceProxy> {
  const proxy = withNetns(node.netns, () =>
    createServiceProxy(
      {
        node: { name: node.name, addresses: () => addresses(node) },
        bpf: {
          objectsDirectory,
          pinDirectory: node.pinDirectory,
          cgroup: node.cgroup,
          uplinkIfindex: node.uplinkIfindex,
          ...bpf,
        },
        logger: silentLogger,
        ...objects,
      },
      { bpf: bpfIn(node.netns), netnsCookie },
    ),
  );
  await proxy.start();
  proxy.attachPod({
    ifindex: node.pod.ifindex,
    ips: [parseIp(node.pod.ips[4]), parseIp(node.pod.ips[6])],
    mac: node.pod.mac,
    netnsCookie: withNetns(node.pod.netns, netnsCookie),
    link: node.pod.link,
  });
  await proxy.synced();
  return proxy;
}
