import { expect, test, vi } from 'vitest';
import type { EndpointSlice, Service } from '../kube/types.ts';
import { parseIp } from '../net/ip.ts';
import { FakeClock } from '../util/clock.ts';
import { silentLogger } from '../util/logger.ts';
import { MetricRegistry } from '../util/metrics.ts';
import { conntrackFlags, dropReason, layouts } from './backends/ebpf/generated/layouts.ts';
import { indexKey } from './backends/ebpf/index-key.ts';
import { testDatapath } from './backends/ebpf/testing-datapath.ts';
import { createServiceProxy } from './service-proxy.ts';
import { TestStore } from './testing-objects.ts';

/** A proxy without Services, with room for 100 connections. */
function smallProxy(metrics?: MetricRegistry, addresses = ['10.9.0.1']) {
  const mapSizes = { conntrack: 100, frontends: 2 };
  const { bpf, map } = testDatapath({ mapSizes });
  const clock = new FakeClock();
  const proxy = createServiceProxy(
    {
      services: new TestStore<Service>(),
      slices: new TestStore<EndpointSlice>(),
      node: { name: 'here', addresses: () => addresses.map(parseIp) },
      bpf: {
        ...{ objectsDirectory: '/objects', pinDirectory: '/pins', cgroup: '/cgroup', uplinkIfindex: 2 },
        mapSizes,
      },
      logger: silentLogger,
      clock,
      ...(metrics && { metrics }),
    },
    { bpf, netnsCookie: () => 1n },
  );
  return { proxy, clock, map };
}

test('a full map of connections is an error in status, while it refuses any; each map tells its room', async () => {
  const metrics = new MetricRegistry();
  const { proxy, clock, map } = smallProxy(metrics);
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

test('a host port that does not fit on a new address of the node is an error in status, until it does', async () => {
  const addresses = ['10.9.0.1'];
  const { proxy } = smallProxy(undefined, addresses);
  await proxy.start();
  const ports = [{ hostPort: 80, containerPort: 8080, protocol: 'TCP' as const }];
  proxy.hostPorts.open({ key: 'a/eth0', name: 'shop/web', ips: [parseIp('10.244.1.2')], ports });
  expect(proxy.status()).toMatchObject({
    lastError: undefined,
    hostPorts: [{ pod: 'shop/web', hostPort: 80 }],
  });
  addresses.push('10.9.0.2');
  proxy.refresh();
  expect(proxy.status().lastError).toMatch(/frontends.*mapSizes/);
  addresses.pop();
  proxy.refresh();
  expect(proxy.status().lastError).toBeUndefined();
  await proxy.stop();
});

test('while there is no room for connections, those that lead nowhere are removed every second', async () => {
  const { proxy, clock, map } = smallProxy();
  const [client, backend] = [parseIp('192.0.2.1'), parseIp('10.244.1.2')];
  /** A question that nobody answered, 5 s ago. */
  const ask = () => {
    const lastSeen = process.hrtime.bigint() - 5_000_000_000n;
    const [there, back] = [
      { src: client, dst: parseIp('10.9.0.1'), sport: 4000, dport: 30053, proto: 17 },
      { src: backend, dst: client, sport: 53, dport: 4000, proto: 17 },
    ];
    const to = { newSrc: client, newSport: 4000, newDst: backend, newDport: 53 };
    const from = { newSrc: there.dst, newSport: 30053, newDst: client, newDport: 4000 };
    const flags = conntrackFlags.CONNTRACK_REPLY;
    map('conntrack').update(layouts.tuple.encode(there), layouts.conntrackEntry.encode({ lastSeen, ...to }));
    map('conntrack').update(
      layouts.tuple.encode(back),
      layouts.conntrackEntry.encode({ lastSeen, flags, ...from }),
    );
  };
  const known = () => [...map('conntrack').entries()].length;
  await proxy.start();
  ask();
  await clock.advance(10_000);
  expect(known()).toBe(2);
  map('drop_counters').update(
    indexKey(dropReason.DROP_CONNTRACK_FULL),
    layouts.dropCounter.encode({ packets: 1n, bytes: 60n }),
  );
  await clock.advance(10_000);
  await vi.waitFor(() => expect(known()).toBe(0));
  ask();
  await vi.waitFor(async () => {
    await clock.advance(1000);
    expect(known()).toBe(0);
  });
  await proxy.stop();
});
