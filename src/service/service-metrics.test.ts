import { expect, test } from 'vitest';
import type { EndpointSlice, Service } from '../kube/types.ts';
import { MetricRegistry } from '../util/metrics.ts';
import { ServiceMetrics } from './service-metrics.ts';
import { TestStore, testService, testSlice } from './testing-objects.ts';

const start = Date.parse('2030-01-01T00:00:00Z');

function rig() {
  const registry = new MetricRegistry();
  const maps = () => [{ map: 'slots', entries: 90, size: 100 }];
  const shortcut = () => ({ bytes: 7, 'no room': 2 });
  const refused = () => ({ backends: 3 });
  const metrics = new ServiceMetrics(registry, { refused, maps, shortcut, now: start });
  const services = new TestStore<Service>();
  const slices = new TestStore<EndpointSlice>();
  metrics.follow(services, slices);
  const triggered = (time: string) => {
    const slice = testSlice('web', { family: 4, ports: [{ port: 80 }], endpoints: [] });
    const annotations = { 'endpoints.kubernetes.io/last-change-trigger-time': time };
    slices.set({ ...slice, metadata: { ...slice.metadata, annotations } });
  };
  const value = (name: string) => registry.render().match(new RegExp(`^kubeproxy_${name} (\\S+)$`, 'm'))?.[1];
  return { registry, metrics, services, triggered, value };
}

test('a change is pending until a sync has taken it up', () => {
  const { registry, metrics, services, triggered, value } = rig();
  services.set(testService('web', {}));
  triggered('2030-01-01T00:00:01Z');
  const names = ['service_changes_total', 'service_changes_pending', 'endpoint_changes_pending'];
  const values = () => names.map((name) => value(`sync_proxy_rules_${name}`));
  expect(values()).toEqual(['1', '1', '1']);
  metrics.begin().failed();
  expect(values()).toEqual(['1', '1', '1']);
  const sync = metrics.begin();
  triggered('2030-01-01T00:00:02Z');
  sync.done(true);
  expect(values()).toEqual(['1', '0', '1']);
  metrics.begin().done(false);
  expect(values()).toEqual(['1', '0', '0']);
  expect(registry.render()).toContain('tendril_service_ports_refused{map="backends"} 3');
  expect(registry.render()).toMatch(/^tendril_shortcut_bytes_total 7$/m);
  expect(registry.render()).toContain('tendril_shortcut_messages_total{way="no room"} 2');
  expect(registry.render()).toContain('tendril_map_entries{map="slots"} 90');
  expect(registry.render()).toContain('tendril_map_size{map="slots",setting="mapSizes.slots"} 100');
  expect(value('sync_full_proxy_rules_duration_seconds_count')).toBe('1');
  expect(value('sync_proxy_rules_duration_seconds_count')).toBe('2');
});

test('programming takes from the trigger in the cluster to the end of the sync that succeeds', () => {
  const { metrics, triggered, value } = rig();
  triggered('2029-12-31T23:59:59Z');
  triggered('2030-01-01T00:00:01Z');
  triggered('no time');
  metrics.begin().failed();
  const sync = metrics.begin();
  triggered('2030-01-01T00:00:02Z');
  sync.done(false, start + 3000);
  expect(value('network_programming_duration_seconds_sum')).toBe('2');
  metrics.begin().done(false, start + 4000);
  expect(value('network_programming_duration_seconds_sum')).toBe('4');
  expect(value('network_programming_duration_seconds_count')).toBe('2');
});
