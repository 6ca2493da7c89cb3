import { expect, test } from 'vitest';
import { MetricRegistry } from '../../../util/metrics.ts';
import { ReadySlice } from './kept-objects.ts';
import { measureProgramming } from './programming-latency.ts';
import { emptyStores, headless, lookupOver, service, slice } from './testing/cluster.ts';

const now = Date.parse('2026-01-01T00:01:00Z');

/** Of a change so many seconds ago, as the stores keep it. */
function changed(key: string, secondsAgo: number | string | undefined, suffix = 'a') {
  const one = slice(key, { endpoints: ['10.244.1.2'] }, suffix);
  const at = typeof secondsAgo === 'number' ? new Date(now - secondsAgo * 1000).toISOString() : secondsAgo;
  if (at !== undefined) one.metadata.annotations = { 'endpoints.kubernetes.io/last-change-trigger-time': at };
  return new ReadySlice(one);
}

test('changes of endpoints count from the time that their slice says, by the kind of their Service', async () => {
  const metrics = new MetricRegistry();
  const stores = emptyStores();
  const measuring = measureProgramming(stores, lookupOver(stores).index, {
    metrics,
    clock: { now: () => now } as never,
  });
  stores.services.replace([service('a/web', { clusterIPs: ['10.96.0.1'] }), headless('a/db')]);
  stores.slices.replace([changed('a/web', 3600)]);
  await stores.slices.synced();
  stores.slices.set(changed('a/web', 8));
  stores.slices.set(changed('a/db', 2));
  stores.slices.set(changed('a/db', 1));
  stores.slices.set(changed('a/gone', 4));
  stores.slices.set(changed('a/db', undefined, 'b'));
  stores.slices.set(changed('a/db', 'no time', 'b'));
  const text = metrics.render();
  const name = 'coredns_kubernetes_dns_programming_duration_seconds';
  for (const line of [
    `${name}_sum{service_kind="cluster_ip"} 8`,
    `${name}_count{service_kind="cluster_ip"} 1`,
    `${name}_bucket{service_kind="headless_with_selector",le="1.024"} 1`,
    `${name}_bucket{service_kind="headless_with_selector",le="524.288"} 2`,
    `${name}_sum{service_kind="headless_with_selector"} 3`,
  ])
    expect(text).toContain(`${line}\n`);

  measuring.stop();
  stores.slices.set(changed('a/db', 1));
  expect(metrics.render()).toBe(text);
});
