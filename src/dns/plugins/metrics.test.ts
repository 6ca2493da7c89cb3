/** Every metric of the plugins that are here, by the name, type and labels that CoreDNS 1.14's READMEs and code give it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { MetricRegistry } from '../../util/metrics.ts';
import { responseCodes } from '../message/constants.ts';
import { replyTo } from '../message/message.ts';
import { parseRecord } from '../message/presentation.ts';
import { serveCorefile } from '../testing/corefile.ts';
import { createCacheMetrics } from './cache/cache-metrics.ts';
import { createForwardMetrics } from './forward/forward-metrics.ts';
import { apiMetrics } from './kubernetes/api-metrics.ts';
import { measureProgramming } from './kubernetes/programming-latency.ts';
import { lookupOver, service, slice, storesOf } from './kubernetes/testing/cluster.ts';

const expected = `
counter   coredns_acl_allowed_requests_total server view
counter   coredns_acl_blocked_requests_total server view zone
counter   coredns_acl_dropped_requests_total server view zone
counter   coredns_acl_filtered_requests_total server view zone
counter   coredns_autopath_success_total server
gauge     coredns_build_info goversion revision version
counter   coredns_cache_drops_total server view zones
gauge     coredns_cache_entries server type view zones
counter   coredns_cache_evictions_total server type view zones
counter   coredns_cache_hits_total server type view zones
counter   coredns_cache_misses_total server view zones
counter   coredns_cache_prefetch_total server view zones
counter   coredns_cache_requests_total server view zones
counter   coredns_cache_served_stale_total server view zones
counter   coredns_dns64_requests_translated_total server
counter   coredns_dns_do_requests_total server view zone
histogram coredns_dns_request_duration_seconds server view zone
histogram coredns_dns_request_size_bytes proto server view zone
counter   coredns_dns_requests_total family proto server type view zone
histogram coredns_dns_response_size_bytes proto server view zone
counter   coredns_dns_responses_total plugin rcode server view zone
counter   coredns_forward_healthcheck_broken_total
counter   coredns_forward_max_concurrent_rejects_total
histogram coredns_health_request_duration_seconds
counter   coredns_health_request_failures_total
gauge     coredns_hosts_entries hostsfile
gauge     coredns_hosts_reload_timestamp_seconds
histogram coredns_kubernetes_dns_programming_duration_seconds service_kind
histogram coredns_kubernetes_rest_client_rate_limiter_duration_seconds host verb
histogram coredns_kubernetes_rest_client_request_duration_seconds host verb
counter   coredns_kubernetes_rest_client_requests_total code host method
counter   coredns_local_localhost_requests_total
counter   coredns_panics_total
gauge     coredns_plugin_enabled name server view zone
counter   coredns_proxy_conn_cache_hits_total proto proxy_name to
counter   coredns_proxy_conn_cache_misses_total proto proxy_name to
counter   coredns_proxy_healthcheck_failures_total proxy_name to
histogram coredns_proxy_request_duration_seconds proxy_name rcode to
counter   coredns_template_matches_total class server type view zone
counter   coredns_template_rr_failures_total class section server template type view zone
counter   coredns_template_template_failures_total class section server template type view zone
`;

const directory = mkdtempSync(join(tmpdir(), 'tendril-metrics-'));
afterAll(() => rmSync(directory, { recursive: true }));
writeFileSync(join(directory, 'resolv.conf'), 'search first.auto.org second.auto.org\n');

const corefile = `. {
  autopath ${directory}/resolv.conf
  health
  prometheus
  dns64 {
    allow_ipv4
  }
  local
  acl a.org {
    block type A
    filter type AAAA
    drop type MX
  }
  template IN TXT rr.org {
    answer "{{ .Name }}"
  }
  template IN TXT template.org {
    answer "{{ index .Match 9 }}"
  }
  hosts /etc/hosts hosts.org
  last
}`;

test('each is there, with its type and labels', async () => {
  const metrics = new MetricRegistry();
  const { configuration, ask, clock } = serveCorefile(corefile, {
    last: ({ message, name }) =>
      name === 'www.first.auto.org'
        ? replyTo(message, { rcode: responseCodes.NXDOMAIN })
        : replyTo(message, { answers: [parseRecord(`${name}. 5 IN A 192.0.2.1`)] }),
    context: { metrics },
  });
  await configuration.start();
  await ask('dns64.org', 'AAAA');
  for (const type of ['A', 'AAAA', 'MX', 'SRV'] as const) await ask('a.org', type);
  await ask('rr.org', 'TXT').catch(() => {});
  await ask('template.org', 'TXT').catch(() => {});
  await ask('www.first.auto.org');
  await ask('localhost.example.org');
  const withDo = { udpBytes: 1232, version: 0, dnssecOk: true, options: [] };
  await ask('b.org', 'SRV', {
    message: { ...replyTo({} as never), response: false, questions: [{ name: 'b.org', type: 33, class: 1 }], edns: withDo },
  }); // biome-ignore format: one message
  clock.advance(1000);
  await new Promise(setImmediate);
  await configuration.close();
  cacheForwardAndCluster(metrics);
  const own = listOf(metrics.render());
  expect(own).toEqual(linesOf(expected));
});

function cacheForwardAndCluster(metrics: MetricRegistry): void {
  createCacheMetrics({ metrics, view: () => '' }, [''])
    .of('dns://:53')
    .sizes(0, 0);
  const forward = createForwardMetrics(metrics);
  forward.allUnhealthy();
  forward.rejected();
  forward.answered('192.0.2.1:53', 0, 0.001);
  forward.checkFailed('192.0.2.1:53');
  for (const reused of [true, false]) forward.connection('192.0.2.1:53', 'udp', reused);
  const api = apiMetrics(metrics);
  api.exchanged({ method: 'GET', host: 'api:6443', status: 200 });
  api.answered({ method: 'GET', host: 'api:6443' }, 1);
  const stores = storesOf({ services: [service('b/web', { clusterIPs: ['10.96.0.20'] })] });
  const clock = { now: () => Date.parse('2026-01-01T00:00:02Z') } as never;
  measureProgramming(stores, lookupOver(stores).index, { metrics, clock });
  stores.slices.set(triggered(slice('b/web', { endpoints: ['10.244.1.2'] })));
}

function triggered<T extends ReturnType<typeof slice>>(one: T): T {
  one.metadata.annotations = { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00Z' };
  return one;
}

/** `TYPE NAME LABELS`, in order. */
function listOf(text: string): string[] {
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return types
    .map(([, name, type]) => {
      const sample = new RegExp(`^${name}(?:_count)?(?:\\{(.*)\\})? `, 'm').exec(text);
      const labels = [...(sample?.[1] ?? '').matchAll(/(\w+)="(?:\\.|[^"\\])*"/g)].map(([, label]) => label);
      return [type, name, ...labels.sort(), ...(sample === null ? ['(no sample)'] : [])].join(' ');
    })
    .sort();
}

function linesOf(text: string): string[] {
  return text
    .trim()
    .split('\n')
    .map((line) => line.split(/\s+/).join(' '))
    .sort();
}
