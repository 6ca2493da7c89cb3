/**
 * How long a change of endpoints takes until it is served: Kubernetes' DNS programming latency (sig-scalability
 * slos/dns_programming_latency.md), from the time that the endpoints controller notes in a slice.
 */
import type { PluginContext } from '../../plugin.ts';
import { type ClusterIndex, type ClusterStores, serviceOfSlice } from './cluster-index.ts';
import { triggerTime } from './kept-objects.ts';

/** From 1 ms to 9 minutes, as CoreDNS's. */
const timeBuckets = Array.from({ length: 20 }, (_, i) => 2 ** i / 1000);

/** Observes changes of the slices until it is stopped; those that a first list tells of are older than the server. */
export function measureProgramming(
  { slices }: ClusterStores,
  index: ClusterIndex,
  { metrics, clock }: Pick<PluginContext, 'metrics' | 'clock'>,
): { stop(): void } {
  const duration = metrics.histogram({
    name: 'coredns_kubernetes_dns_programming_duration_seconds',
    help: 'Histogram of the time (in seconds) it took to program a dns instance.',
    buckets: timeBuckets,
  });
  let listed = slices?.hasSynced ?? false;
  void slices?.synced().then(() => {
    listed = true;
  });
  const stop = slices?.onChange((change) => {
    const slice = change.new ?? change.old;
    const at = slice && triggerTime(slice);
    if (at === undefined || !listed) return;
    const key = serviceOfSlice(slice!);
    const service = key === undefined ? undefined : index.local.service(key);
    if (service === undefined) return;
    // Only slices of Services with a selector say the time.
    const kind = service.kind === 'headless' ? 'headless_with_selector' : 'cluster_ip';
    duration.observe((clock.now() - at) / 1000, { service_kind: kind });
  });
  return { stop: () => stop?.() };
}
