/** Asks the process's own /health every second: how long it takes tells how busy the process is (CoreDNS "overloaded"). */
import type { PluginContext } from '../../plugin.ts';

const everyMs = 1000;
/** Longer than this is worth a line in the log. */
const slowMs = 1000;
/** From 0.25 ms to 2.5 s, as CoreDNS's. */
const timeBuckets = Array.from({ length: 5 }, (_, i) => Number((0.000_25 * 10 ** i).toPrecision(3)));

/** Until the result is called. */
export function watchHealth(address: string, { http, clock, logger, metrics }: PluginContext): () => void {
  const duration = metrics.histogram({
    name: 'coredns_health_request_duration_seconds',
    help: 'Histogram of the time (in seconds) each request took.',
    buckets: timeBuckets,
  });
  const failures = metrics.counter({
    name: 'coredns_health_request_failures_total',
    help: 'The number of times the health check failed.',
  });
  failures.inc({}, 0);
  let ended = false;
  let cancel = clock.after(everyMs, check);

  function check(): void {
    const startedAt = clock.monotonic();
    const took = () => clock.monotonic() - startedAt;
    const done = () => {
      if (ended) return;
      duration.observe(took() / 1000);
      cancel = clock.after(Math.max(0, everyMs - took()), check);
    };
    http
      .ask(address, '/health')
      .then(
        () => {
          if (took() > slowMs) logger.warn('the own health check is slow', { address, tookMs: took() });
        },
        (error: unknown) => {
          if (ended) return;
          failures.inc();
          logger.warn('the own health check failed', { address, error });
        },
      )
      .then(done);
  }
  return () => {
    ended = true;
    cancel();
  };
}
