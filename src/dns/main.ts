/**
 * The cluster DNS process, `tendril dns`: serves a Corefile, CoreDNS's configuration, and takes changes to it while
 * it runs. Without one it serves what kubeadm gives a cluster.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createHttpClient } from '../kube/client/http-client.ts';
import { createInformers, type Informers } from '../kube/client/informers.ts';
import { inClusterEndpoint, loadKubeconfig } from '../kube/client/kubeconfig.ts';
import { systemClock } from '../util/clock.ts';
import { TendrilError } from '../util/errors.ts';
import { keepHeapSmall } from '../util/heap.ts';
import { createLogger, type Logger } from '../util/logger.ts';
import { MetricRegistry } from '../util/metrics.ts';
import { ensureClusterService } from './cluster-service.ts';
import { parseCorefile } from './corefile/parser.ts';
import { type DefaultCorefileOptions, defaultCorefile, dnsDefaults } from './default-corefile.ts';
import type { Query, Served } from './plugin.ts';
import { apiMetrics } from './plugins/kubernetes/api-metrics.ts';
import { keptObjects } from './plugins/kubernetes/kept-objects.ts';
import { plugins } from './plugins/order.ts';
import { startDnsServer, startDnsTlsServer } from './server/dns-server.ts';
import { createHttpEndpoints } from './server/http-endpoints.ts';
import { wildcardAddresses } from './server/wildcard.ts';
import type { ListenerPlan } from './server-blocks/listeners.ts';
import { createSupervisor, type OpenListener } from './server-blocks/supervisor.ts';

export interface DnsOptions extends Partial<DefaultCorefileOptions> {
  /** How the API server is reached; a Corefile without `kubernetes` needs none. */
  kubeconfig?: string;
  /** Path of the Corefile; without one the default is served, with `zone` and the ports. */
  conf?: string;
  /**
   * In a pod of a cluster: makes the Service kube-dns and the Corefile's ConfigMap where there are none, and serves the
   * default until `conf` is there.
   */
  cluster?: boolean;
}

/**
 * As long as nodes may take to learn that a server ends; in a cluster whose Corefile has no `lameduck` too, which may be
 * one that was written for other servers.
 */
const leastLingerMs = 5000;

/** Serves until SIGTERM; the exit status. @throws TendrilError COREFILE or LISTEN where it cannot serve */
export async function runDns(options: DnsOptions): Promise<number> {
  keepHeapSmall();
  const logger = createLogger({ fields: { component: 'dns' } });
  const metrics = new MetricRegistry();
  await using cluster = await reachCluster(options, { logger, metrics });
  const fatal = Promise.withResolvers<never>();
  const supervisor = createSupervisor({
    context: {
      plugins,
      clock: systemClock,
      logger,
      metrics,
      informers: cluster.informers,
      http: createHttpEndpoints(logger),
      directory: options.conf === undefined ? process.cwd() : dirname(options.conf),
      fatal: fatal.reject,
    },
    load: () => parseCorefile({ ...corefileOf(options), defaultPort: options.port }),
    listen: (plan, serve) => listen(plan, serve, { logger, metrics }),
    beforeStart: () => cluster.start(),
    ...(options.cluster && { leastLingerMs }),
  });
  const ended = new Promise<void>((resolve) => process.once('SIGTERM', resolve).once('SIGINT', resolve));
  await supervisor.start();
  await Promise.race([ended, fatal.promise]);
  await supervisor.close();
  return 0;
}

function corefileOf(options: DnsOptions): { text: string; file: string } {
  const { conf } = options;
  if (conf === undefined || (options.cluster && !existsSync(conf)))
    return { text: defaultCorefile(options), file: '(default Corefile)' };
  try {
    return { text: readFileSync(conf, 'utf8'), file: conf };
  } catch (cause) {
    throw new TendrilError('COREFILE', `the Corefile ${conf} cannot be read`, {
      cause,
      remedy: 'Name one that is there with --conf, or none to serve the default.',
    });
  }
}

interface Cluster extends AsyncDisposable {
  informers(): Informers;
  /** Lists and watches what has been asked for so far, and later at once. */
  start(): void;
}

async function reachCluster(
  { kubeconfig, cluster = false, zone = dnsDefaults.zone }: DnsOptions,
  { logger, metrics }: { logger: Logger; metrics: MetricRegistry },
): Promise<Cluster> {
  if (kubeconfig === undefined && !cluster)
    return {
      informers: () => {
        throw new TendrilError(
          'USAGE',
          'the Corefile has the plugin kubernetes, and no API server is named',
          {
            remedy: 'Name one with --kubeconfig FILE.',
          },
        );
      },
      start: () => {},
      [Symbol.asyncDispose]: async () => {},
    };
  const endpoint = cluster ? inClusterEndpoint() : await loadKubeconfig(kubeconfig);
  const client = createHttpClient(endpoint, { observer: apiMetrics(metrics) });
  if (cluster) await ensureClusterService(client, { zone });
  const informers = createInformers({ client, logger, kept: keptObjects });
  let started = false;
  return {
    informers: () => informers,
    start: () => {
      if (!started) informers.start();
      started = true;
    },
    [Symbol.asyncDispose]: () => informers.stop(),
  };
}

async function listen(
  plan: ListenerPlan,
  serve: (query: Query) => Served,
  { logger, metrics }: { logger: Logger; metrics: MetricRegistry },
): Promise<OpenListener> {
  const addresses = plan.address === undefined ? await wildcardAddresses() : [plan.address];
  const places = addresses.map((address) => ({ address, port: plan.port, ipv6Only: address.includes(':') }));
  const serving = { plugins: [{ name: plan.label, serve }], logger, metrics, transfers: true };
  return plan.tls === undefined
    ? await startDnsServer({ ...serving, listen: places.map((place) => ({ udp: place, tcp: place })) })
    : await startDnsTlsServer({ ...serving, listen: places, tls: plan.tls });
}
