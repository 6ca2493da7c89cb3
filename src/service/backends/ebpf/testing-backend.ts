/** A node's stores, tracker and backend over maps in memory, for tests. */
import type { EndpointSlice, Service } from '../../../kube/types.ts';
import { parseCidr } from '../../../net/cidr.ts';
import { parseIp } from '../../../net/ip.ts';
import { ServiceTracker } from '../../model/service-tracker.ts';
import { TestStore } from '../../testing-objects.ts';
import { EbpfServiceBackend } from './ebpf-backend.ts';
import { testDatapath } from './testing-datapath.ts';

export type TestRig = ReturnType<typeof testRig>;

export function testRig({
  serviceCidrs = [],
  ...options
}: Parameters<typeof testDatapath>[0] & { serviceCidrs?: string[] } = {}) {
  const services = new TestStore<Service>();
  const slices = new TestStore<EndpointSlice>();
  let at = testDatapath(options);
  let backend = new EbpfServiceBackend(at.datapath);
  const addresses = ['10.9.0.1', 'fd09::1'];
  const start = () =>
    new ServiceTracker({
      services,
      slices,
      node: { name: 'here', addresses: () => addresses.map(parseIp) },
      serviceCidrs: () => serviceCidrs.map((cidr) => parseCidr(cidr)),
      onDirty: () => {},
    });
  let tracker = start();
  return {
    services,
    slices,
    addresses,
    get at() {
      return at;
    },
    refusal: () => backend.refusal(),
    sync: async () => backend.sync(await tracker.update(() => undefined)),
    /** A new process on the maps that the old one left. */
    restart() {
      at = testDatapath({ ...options, bpf: at.bpf });
      backend = new EbpfServiceBackend(at.datapath);
      tracker = start();
    },
    writesDuring: async (use: () => Promise<void>) => {
      const count = () =>
        ['frontends', 'slots', 'backends'].reduce((sum, map) => sum + at.map(map).writes, 0);
      const before = count();
      await use();
      return count() - before;
    },
  };
}
