/**
 * The cluster DNS process, `tendril dns`: answers names of the cluster zone from the API and forwards the rest.
 * It listens on every address of its pod; health and readiness are on the ports that CoreDNS uses.
 */
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { createHttpClient } from '../kube/client/http-client.ts';
import { createInformers } from '../kube/client/informers.ts';
import { loadKubeconfig } from '../kube/client/kubeconfig.ts';
import { resources } from '../kube/resources.ts';
import { tryParseIp } from '../net/ip.ts';
import { createLogger } from '../util/logger.ts';
import { type DnsPlugin, serveChain } from './chain.ts';
import { forwardPlugin, type Upstream } from './plugins/forward/forward.ts';
import { createClusterNames } from './plugins/kubernetes/cluster-names.ts';
import { kubernetesPlugin } from './plugins/kubernetes/kubernetes.ts';
import { startDnsServer } from './server/dns-server.ts';

export interface DnsOptions {
  kubeconfig: string;
  /** Cluster zone, e.g. cluster.local. */
  zone: string;
  /** Servers for names outside the zone; absent: the nameservers of /etc/resolv.conf. */
  forward?: string[];
  port: number;
  healthPort: number;
  readyPort: number;
}

export const dnsDefaults: Omit<DnsOptions, 'kubeconfig'> = {
  zone: 'cluster.local',
  port: 53,
  healthPort: 8080,
  readyPort: 8181,
};

/** Serves until SIGTERM; the exit status. */
export async function runDns(options: DnsOptions): Promise<number> {
  const logger = createLogger({ fields: { component: 'dns' } });
  const informers = createInformers({
    client: createHttpClient(await loadKubeconfig(options.kubeconfig)),
    logger,
  });
  const stores = {
    namespaces: informers.store(resources.namespaces),
    services: informers.store(resources.services),
    slices: informers.store(resources.endpointSlices),
  };
  const synced = () => Object.values(stores).every((store) => store.hasSynced);
  const upstreams = await upstreamsOf(options);
  const plugins: DnsPlugin[] = [
    kubernetesPlugin({
      zone: options.zone,
      names: createClusterNames(stores),
      synced,
      serverIps: () =>
        (stores.services.get('kube-system/kube-dns')?.spec?.clusterIPs ?? []).flatMap(
          (ip) => tryParseIp(ip) ?? [],
        ),
      resolve: (query, name) =>
        serveChain(plugins, {
          ...query,
          depth: (query.depth ?? 0) + 1,
          name,
          message: { ...query.message, questions: [{ name, type: query.type, class: 1 }] },
        }),
    }),
    forwardPlugin({ upstreams }),
  ];
  informers.start();
  const server = await startDnsServer({
    plugins,
    logger,
    recursive: upstreams.length > 0,
    listen: [at(options.port)],
  });
  const status = [serveOk(options.healthPort, () => true), serveOk(options.readyPort, synced)];
  logger.info('serving', { zone: options.zone, port: options.port });
  await new Promise<void>((resolve) => process.once('SIGTERM', resolve).once('SIGINT', resolve));
  await server.close();
  for (const one of status) one.close();
  await informers.stop();
  return 0;
}

/** Every address of the namespace, both families on one socket. */
function at(port: number) {
  return { udp: { address: '::', port }, tcp: { address: '::', port } };
}

async function upstreamsOf(options: DnsOptions): Promise<Upstream[]> {
  const addresses = options.forward ?? nameserversOf(await readFile('/etc/resolv.conf', 'utf8'));
  return addresses.map((address) => ({ address, port: 53 }));
}

/** The nameserver lines of a resolv.conf(5). */
export function nameserversOf(text: string): string[] {
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1]!);
}

function serveOk(port: number, ok: () => boolean): http.Server {
  const server = http.createServer((_request, response) => {
    response.writeHead(ok() ? 200 : 503).end(ok() ? 'OK' : 'not ready');
  });
  return server.listen(port, '::');
}
