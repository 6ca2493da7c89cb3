/** The metrics of the cache, under CoreDNS's names. */
import type { PluginContext } from '../../plugin.ts';

/** Those of one listener. */
export interface CacheCounters {
  request(): void;
  hitSuccess(): void;
  hitDenial(): void;
  miss(): void;
  prefetch(): void;
  drop(): void;
  servedStale(): void;
  evictedSuccess(): void;
  evictedDenial(): void;
  sizes(success: number, denial: number): void;
}

export interface CacheMetrics {
  of(listener: string): CacheCounters;
}

export function createCacheMetrics(
  { metrics, view }: Pick<PluginContext, 'metrics' | 'view'>,
  zones: readonly string[],
): CacheMetrics {
  const counter = (what: string, help: string) =>
    metrics.counter({ name: `coredns_cache_${what}_total`, help });
  const requests = counter('requests', 'The count of cache requests.');
  const hits = counter('hits', 'The count of cache hits.');
  const misses = counter(
    'misses',
    'The count of cache misses. Deprecated, derive misses from cache hits/requests counters.',
  );
  const prefetches = counter('prefetch', 'The number of times the cache has prefetched a cached item.');
  const drops = counter('drops', 'The number responses that are not cached, because the reply is malformed.');
  const servedStale = counter('served_stale', 'The number of requests served from stale cache entries.');
  const evictions = counter('evictions', 'The count of cache evictions.');
  const entries = metrics.gauge({
    name: 'coredns_cache_entries',
    help: 'The number of elements in the cache.',
  });

  const known = new Map<string, CacheCounters>();
  function create(server: string): CacheCounters {
    const labels = { server, zones: zones.map((zone) => `${zone}.`).join(','), view: view() };
    const success = { ...labels, type: 'success' };
    const denial = { ...labels, type: 'denial' };
    return {
      request: requests.with(labels),
      hitSuccess: hits.with(success),
      hitDenial: hits.with(denial),
      miss: misses.with(labels),
      prefetch: prefetches.with(labels),
      drop: drops.with(labels),
      servedStale: servedStale.with(labels),
      evictedSuccess: evictions.with(success),
      evictedDenial: evictions.with(denial),
      sizes: (yes, no) => {
        entries.set(yes, success);
        entries.set(no, denial);
      },
    };
  }
  return {
    of: (listener) => {
      let counters = known.get(listener);
      if (counters === undefined) {
        counters = create(listener);
        known.set(listener, counters);
      }
      return counters;
    },
  };
}
