/** The metrics of `forward`, under CoreDNS's names. */

import type { MetricRegistry } from '../../../util/metrics.ts';
import { rcodeName } from '../../message/names-of-numbers.ts';

export interface ForwardMetrics {
  allUnhealthy(): void;
  rejected(): void;
  answered(to: string, rcode: number, seconds: number): void;
  checkFailed(to: string): void;
  connection(to: string, proto: string, reused: boolean): void;
}

/** From 0.25 ms to 8 s, as CoreDNS's. */
const timeBuckets = Array.from({ length: 16 }, (_, i) => 0.000_25 * 2 ** i);
const proxyName = { proxy_name: 'forward' };

export function createForwardMetrics(metrics: MetricRegistry): ForwardMetrics {
  const counter = (name: string, help: string) => metrics.counter({ name: `coredns_${name}`, help });
  const broken = counter(
    'forward_healthcheck_broken_total',
    'Counter of the number of complete failures of the healthchecks.',
  );
  const rejects = counter(
    'forward_max_concurrent_rejects_total',
    'Counter of the number of queries rejected because the concurrent queries were at maximum.',
  );
  const failures = counter(
    'proxy_healthcheck_failures_total',
    'Counter of the number of failed healthchecks.',
  );
  const hits = counter(
    'proxy_conn_cache_hits_total',
    'Counter of connection cache hits per upstream and protocol.',
  );
  const misses = counter(
    'proxy_conn_cache_misses_total',
    'Counter of connection cache misses per upstream and protocol.',
  );
  const duration = metrics.histogram({
    name: 'coredns_proxy_request_duration_seconds',
    help: 'Histogram of the time each request took.',
    buckets: timeBuckets,
  });
  const observers = new Map<string, (seconds: number) => void>();
  return {
    allUnhealthy: broken.with({}),
    rejected: rejects.with({}),
    answered(to, rcode, seconds) {
      const key = `${to} ${rcode}`;
      let observe = observers.get(key);
      if (observe === undefined) {
        observe = duration.with({ ...proxyName, to, rcode: rcodeName(rcode) });
        observers.set(key, observe);
      }
      observe(seconds);
    },
    checkFailed: (to) => failures.inc({ ...proxyName, to }),
    connection: (to, proto, reused) => (reused ? hits : misses).inc({ ...proxyName, to, proto }),
  };
}
