/** The zone's name servers: the Services that this server is an endpoint of. */
import { formatIp, type Ip, tryParseIp } from '../../../net/ip.ts';
import type { ClusterIndex } from './cluster-index.ts';
import type { ClusterService, EndpointSet } from './cluster-service.ts';

export interface NameServer {
  /** Relative to the zone. */
  name: string;
  ip: Ip;
}

/** The server's own addresses under this name, where no Service has them. */
export const ownServerName = 'ns.dns';

/** The ClusterIPs, or for headless Services the endpoints. */
export function clusterNameServers(index: ClusterIndex, serverIps: readonly Ip[]): NameServer[] {
  return nameServers(index, serverIps, ({ service, set }) => {
    const name = `${service.name}.${service.namespace}.svc`;
    return service.kind === 'headless' ? endpointServers(set, name) : serversAt(service.ips, name);
  });
}

/** The external addresses, or, with `headless`, for headless Services the endpoints. */
export function externalNameServers(
  index: ClusterIndex,
  serverIps: readonly Ip[],
  { headless }: { headless: boolean },
): NameServer[] {
  return nameServers(index, serverIps, ({ service, set }) => {
    const name = `${service.name}.${service.namespace}`;
    if (headless && service.kind === 'headless') return endpointServers(set, name);
    return serversAt(service.externalIps, name);
  });
}

type ServersOf = (found: { service: ClusterService; set: EndpointSet }) => NameServer[];

function nameServers(index: ClusterIndex, serverIps: readonly Ip[], serversOf: ServersOf): NameServer[] {
  const slices = serverIps.flatMap((ip) => index.slicesAt(formatIp(ip)));
  if (slices.length === 0) return serverIps.map((ip) => ({ name: ownServerName, ip }));
  const servers = slices.flatMap(({ key, set }) => {
    const service = index.local.service(key);
    return service === undefined ? [] : serversOf({ service, set });
  });
  const byText = new Map(servers.map((server) => [`${server.name} ${formatIp(server.ip)}`, server]));
  return [...byText.values()];
}

function endpointServers({ endpoints }: EndpointSet, below: string): NameServer[] {
  return endpoints.flatMap(({ address, host }) => serversAt([address], `${host}.${below}`));
}

function serversAt(texts: readonly string[], name: string): NameServer[] {
  return texts.flatMap((text) => {
    const ip = tryParseIp(text);
    return ip === undefined ? [] : [{ name, ip }];
  });
}
