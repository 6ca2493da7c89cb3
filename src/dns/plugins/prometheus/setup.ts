/** `prometheus [ADDRESS]`: counts and times queries, and shows all metrics at /metrics, under CoreDNS's names. */
import packageJson from '../../../../package.json' with { type: 'json' };
import { type MetricRegistry, metricsContentType } from '../../../util/metrics.ts';
import { afterward } from '../../chain.ts';
import { corefileError, countArguments, onlyDirective, unknownOption } from '../../corefile/options.ts';
import { responseCodes } from '../../message/constants.ts';
import { isBelow } from '../../message/name.ts';
import type { Answer, PluginSetup, Query, Served } from '../../plugin.ts';
import { httpAddressOf } from '../http-address.ts';
import { createQueryMetrics } from './query-metrics.ts';

export const setup: PluginSetup = (directives, context) => {
  const directive = onlyDirective(directives);
  const { clock, http, metrics, zones, instances, sibling, view } = context;
  const address = httpAddressOf(directive, 'localhost:9153');
  for (const line of directive.block ?? []) {
    // Go's own metrics: there is no Go runtime here to tell of.
    if (line.name === 'runtime_metrics') countArguments(line, 0);
    else if (line.name === 'tls') throw corefileError(line.at, 'metrics over TLS are not supported');
    else throw unknownOption(line, 'prometheus');
  }
  const observe = createQueryMetrics(metrics, view);
  const panics = metrics.counter({
    name: 'coredns_panics_total',
    help: 'A metrics that counts the number of panics.',
  });
  panics.inc({}, 0);
  showBuild(metrics);
  const enabled = metrics.gauge({
    name: 'coredns_plugin_enabled',
    help: 'A metric that indicates whether a plugin is enabled on per server and zone basis.',
  });
  const byLength = [...zones].sort((a, b) => b.length - a.length);
  const zoneOf = (name: string) => byLength.find((zone) => isBelow(name, zone)) ?? '';

  function count(query: Query, rcode: number, answer: Answer, startedAt: number): void {
    observe({
      query,
      zone: zoneOf(query.name),
      rcode,
      answer,
      seconds: (clock.monotonic() - startedAt) / 1000,
    });
  }

  function showEnabled(name: string): void {
    for (const { transport, zone, port } of context.keys) {
      for (const address of sibling('bind')?.settings?.addresses ?? ['']) {
        const host = address.includes(':') ? `[${address}]` : address;
        enabled.set(1, { server: `${transport}://${host}:${port}`, zone: `${zone}.`, view: view(), name });
      }
    }
  }

  let end: (() => Promise<void>) | undefined;
  return {
    start: async () => {
      end = await http.open(address, '/metrics', () => ({
        status: 200,
        body: metrics.render(),
        contentType: metricsContentType,
      }));
      for (const { name, instance } of instances())
        if (instance.handler !== undefined && sibling(name) === instance) showEnabled(name);
    },
    close: () => end?.(),
    handler: {
      name: 'prometheus',
      serve: (query, next): Served => {
        const startedAt = clock.monotonic();
        query.reached = { plugin: '' };
        const failed = (error: unknown): never => {
          if (isPanic(error)) panics.inc();
          count(query, responseCodes.SERVFAIL, undefined, startedAt);
          throw error;
        };
        const counted = (answer: Answer): Answer => {
          count(query, answer?.rcode ?? responseCodes.NOERROR, answer, startedAt);
          return answer;
        };
        let served: Served;
        try {
          served = next();
        } catch (error) {
          return failed(error);
        }
        return served instanceof Promise ? served.then(counted, failed) : afterward(served, counted);
      },
    },
  };
};

/** What Go would panic for: a fault of the program's own. */
const isPanic = (error: unknown): boolean =>
  [TypeError, RangeError, ReferenceError].some((kind) => error instanceof kind);

function showBuild(metrics: MetricRegistry): void {
  const build = metrics.gauge({
    name: 'coredns_build_info',
    help: "A metric with a constant '1' value labeled by version, revision, and goversion from which CoreDNS was built.",
  });
  build.set(1, { version: packageJson.version, revision: '', goversion: `node${process.versions.node}` });
}
