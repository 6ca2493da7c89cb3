/** The metrics of queries and answers (coredns.io/plugins/metrics). */
import type { MetricRegistry } from '../../../util/metrics.ts';
import { messageByteLength } from '../../message/byte-length.ts';
import { rcodeName, typeNumber } from '../../message/names-of-numbers.ts';
import type { Answer, Query } from '../../plugin.ts';

const subsystem = 'coredns_dns';
const sizeBuckets = [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16e3, 32e3, 48e3, 64e3];
/** From 0.25 ms to 8 s. */
const timeBuckets = Array.from({ length: 16 }, (_, i) => 0.000_25 * 2 ** i);
/** Types with a label of their own: names of the rest would make too many time series. */
const namedTypes = new Map(
  'AAAA A CNAME DNSKEY DS MX NSEC3 NSEC NS PTR RRSIG SOA SRV TXT HTTPS SVCB IXFR AXFR ANY'
    .split(' ')
    .map((name) => [typeNumber(name)!, name]),
);

export interface Observation {
  query: Query;
  /** Canonical; the block's zone that the name is below. */
  zone: string;
  rcode: number;
  /** Undefined where the client gets none, or the chain failed. */
  answer: Answer;
  seconds: number;
}

/** Counts an answered query. Series are looked up once for each combination of labels. */
export function createQueryMetrics(
  metrics: MetricRegistry,
  view: () => string,
): (observation: Observation) => void {
  const counter = (name: string, help: string) => metrics.counter({ name: `${subsystem}_${name}`, help });
  const histogram = (name: string, help: string, buckets: readonly number[]) =>
    metrics.histogram({ name: `${subsystem}_${name}`, help, buckets });
  const requests = counter('requests_total', 'Counter of DNS requests made per zone, protocol and family.');
  const withDo = counter('do_requests_total', 'Counter of DNS requests with DO bit set per zone.');
  const responses = counter('responses_total', 'Counter of response status codes.');
  const duration = histogram(
    'request_duration_seconds',
    'Histogram of the time (in seconds) each request took per zone.',
    timeBuckets,
  );
  const requestSize = histogram(
    'request_size_bytes',
    'Size of the EDNS0 UDP buffer in bytes (64K for TCP) per zone and protocol.',
    sizeBuckets,
  );
  const responseSize = histogram(
    'response_size_bytes',
    'Size of the returned response in bytes.',
    sizeBuckets,
  );

  const series = new Map<string, (observation: Observation) => void>();

  function seriesOf(labels: { server: string; zone: string; view: string }, rest: SeriesLabels) {
    const { proto, family, type, rcode, plugin } = rest;
    const steps = {
      request: requests.with({ ...labels, proto, family, type }),
      response: responses.with({ ...labels, rcode, plugin }),
      withDo: withDo.with(labels),
      duration: duration.with(labels),
      requestSize: requestSize.with({ ...labels, proto }),
      responseSize: responseSize.with({ ...labels, proto }),
    };
    return ({ query, answer, seconds }: Observation): void => {
      steps.request();
      steps.response();
      steps.duration(seconds);
      steps.requestSize(messageByteLength(query.message));
      steps.responseSize(answer === undefined ? 0 : messageByteLength(answer));
      if (query.message.edns?.dnssecOk) steps.withDo();
    };
  }

  return (observation) => {
    const { query, zone, rcode } = observation;
    const plugin = query.reached?.plugin ?? '';
    const type = namedTypes.get(query.type) ?? 'other';
    const family = query.client.address.includes(':') ? '2' : '1';
    const key = `${query.listener} ${zone} ${query.transport} ${family} ${type} ${rcode} ${plugin}`;
    let observe = series.get(key);
    if (observe === undefined) {
      observe = seriesOf(
        { server: query.listener ?? '', zone: `${zone}.`, view: view() },
        {
          proto: query.transport === 'udp' ? 'udp' : 'tcp',
          family,
          type,
          rcode: rcodeName(rcode),
          plugin,
        },
      );
      series.set(key, observe);
    }
    observe(observation);
  };
}

interface SeriesLabels {
  proto: string;
  family: string;
  type: string;
  rcode: string;
  plugin: string;
}
