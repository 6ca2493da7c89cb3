/** The metrics of requests to the API server, under CoreDNS's names: those that client-go counts there. */
import type { ExchangeObserver } from '../../../kube/client/transport.ts';
import type { MetricRegistry } from '../../../util/metrics.ts';

/** Prometheus' own defaults. */
const timeBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function apiMetrics(metrics: MetricRegistry): ExchangeObserver {
  const histogram = (what: string, help: string) =>
    metrics.histogram({
      name: `coredns_kubernetes_rest_client_${what}_duration_seconds`,
      help,
      buckets: timeBuckets,
    });
  const requests = metrics.counter({
    name: 'coredns_kubernetes_rest_client_requests_total',
    help: 'Number of HTTP requests, partitioned by status code, method, and host.',
  });
  const duration = histogram('request', 'Request latency in seconds. Broken down by verb and host.');
  const limiter = histogram(
    'rate_limiter',
    'Client side rate limiter latency in seconds. Broken down by verb and host.',
  );
  return {
    exchanged: ({ method, host, status }) =>
      requests.inc({ code: status === undefined ? '<error>' : String(status), method, host }),
    answered: ({ method, host }, ms) => {
      duration.observe(ms / 1000, { verb: method, host });
      // There is no such limiter: no request waits for one.
      limiter.observe(0, { verb: method, host });
    },
  };
}
