/**
 * The cluster DNS process, `tendril dns`: answers names of the cluster zone from the API and forwards the rest.
 * It listens on every address of its pod, of whichever families there are; health and readiness are on the ports that CoreDNS uses.
 */
import { readFile } from 'node:fs/promises';
import { createHttpClient } from '../kube/client/http-client.ts';
import { createInformers, type Informers } from '../kube/client/informers.ts';
import { loadKubeconfig } from '../kube/client/kubeconfig.ts';
import { resources } from '../kube/resources.ts';
import { tryParseIp } from '../net/ip.ts';
import { createLogger } from '../util/logger.ts';
import { serveChain } from './chain.ts';
import type { DnsPlugin } from './plugin.ts';
import { forwardPlugin, type Upstream } from './plugins/forward/forward.ts';
import { createClusterNames } from './plugins/kubernetes/cluster-names.ts';
import { kubernetesPlugin } from './plugins/kubernetes/kubernetes.ts';
import { startDnsServer } from './server/dns-server.ts';
import { listenStatus } from './server/status-port.ts';
import { wildcardAddresses } from './server/wildcard.ts';

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

/** Serves until SIGTERM; the exit status. @throws TendrilError LISTEN where a port is taken */
export async function runDns(options: DnsOptions): Promise<number> {
  const logger = createLogger({ fields: { component: 'dns' } });
  const client = createHttpClient(await loadKubeconfig(options.kubeconfig));
  const informers = createInformers({ client, logger });
  const upstreams = await upstreamsOf(options);
  const { plugins, synced } = createChain(informers, { zone: options.zone, upstreams });
  await using running = new AsyncDisposableStack();
  informers.start();
  running.defer(() => informers.stop());
  const addresses = await wildcardAddresses();
  const keep = (listener: { close(): Promise<void> }) => running.defer(() => listener.close());
  const listen = addresses.map((address) => at(address, options.port));
  keep(await startDnsServer({ plugins, logger, recursive: upstreams.length > 0, listen }));
  const status = { addresses, logger };
  keep(await listenStatus({ ...status, what: 'health', port: options.healthPort, ok: () => true }));
  keep(await listenStatus({ ...status, what: 'readiness', port: options.readyPort, ok: synced }));
  logger.info('serving', { zone: options.zone, port: options.port, addresses });
  await new Promise<void>((resolve) => process.once('SIGTERM', resolve).once('SIGINT', resolve));
  return 0;
}

interface ChainOptions {
  zone: string;
  upstreams: readonly Upstream[];
}

/** The cluster's names first, then everybody else's. */
function createChain(
  informers: Informers,
  { zone, upstreams }: ChainOptions,
): { plugins: DnsPlugin[]; synced: () => boolean } {
  const stores = {
    namespaces: informers.store(resources.namespaces),
    services: informers.store(resources.services),
    slices: informers.store(resources.endpointSlices),
  };
  const synced = () => Object.values(stores).every((store) => store.hasSynced);
  const ownIps = () => stores.services.get('kube-system/kube-dns')?.spec?.clusterIPs ?? [];
  const plugins: DnsPlugin[] = [
    kubernetesPlugin({
      zone,
      names: createClusterNames(stores),
      synced,
      serverIps: () => ownIps().flatMap((ip) => tryParseIp(ip) ?? []),
      resolve: (query, name) => {
        const message = { ...query.message, questions: [{ name, type: query.type, class: 1 }] };
        return serveChain(plugins, { ...query, depth: (query.depth ?? 0) + 1, name, message });
      },
    }),
    forwardPlugin({ upstreams }),
  ];
  return { plugins, synced };
}

function at(address: string, port: number) {
  const place = { address, port, ipv6Only: address === '::' };
  return { udp: place, tcp: place };
}

async function upstreamsOf(options: DnsOptions): Promise<Upstream[]> {
  const addresses = options.forward ?? nameserversOf(await readFile('/etc/resolv.conf', 'utf8'));
  return addresses.map((address) => ({ address, port: 53 }));
}

/** The nameserver lines of a resolv.conf(5). */
export function nameserversOf(text: string): string[] {
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1]!);
}
