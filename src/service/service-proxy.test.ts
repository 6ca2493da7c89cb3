import { expect, test } from 'vitest';
import type { EndpointSlice, Service } from '../kube/types.ts';
import { parseIp } from '../net/ip.ts';
import { FakeClock } from '../util/clock.ts';
import { silentLogger } from '../util/logger.ts';
import { MetricRegistry } from '../util/metrics.ts';
import { dropReason, layouts } from './backends/ebpf/generated/layouts.ts';
import { indexKey } from './backends/ebpf/index-key.ts';
import { testDatapath } from './backends/ebpf/testing-datapath.ts';
import { createServiceProxy } from './service-proxy.ts';
import { TestStore } from './testing-objects.ts';

test('a full map of connections is an error in status, while it refuses any; each map tells its room', async () => {
  const { bpf, map } = testDatapath({ mapSizes: { conntrack: 100 } });
  const clock = new FakeClock();
  const metrics = new MetricRegistry();
  const proxy = createServiceProxy(
    {
      services: new TestStore<Service>(),
      slices: new TestStore<EndpointSlice>(),
      node: { name: 'here', addresses: () => [parseIp('10.9.0.1')] },
      bpf: {
        ...{ objectsDirectory: '/objects', pinDirectory: '/pins', cgroup: '/cgroup', uplinkIfindex: 2 },
        mapSizes: { conntrack: 100 },
      },
      logger: silentLogger,
      metrics,
      clock,
    },
    { bpf, netnsCookie: () => 1n },
  );
  const drop = (packets: bigint) =>
    map('drop_counters').update(
      indexKey(dropReason.DROP_CONNTRACK_FULL),
      layouts.dropCounter.encode({ packets, bytes: 0n }),
    );
  drop(7n);
  await proxy.start();
  await clock.advance(1000);
  expect(proxy.status().lastError).toBeUndefined();
  drop(9n);
  await clock.advance(1000);
  expect(proxy.status().lastError).toMatch(
    /conntrack is full with 100 entries.*: 2 packets.*mapSizes\.conntrack/,
  );
  expect(metrics.render()).toContain('tendril_map_size{map="conntrack",setting="mapSizes.conntrack"} 100');
  await clock.advance(31_000);
  expect(proxy.status().lastError).toBeUndefined();
  await proxy.stop();
});
