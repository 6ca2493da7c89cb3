/**
 * The ways from the fabric to the API server. Nodes and pods reach nothing of the machine: a connection to the lab's
 * API address, or to one that the `kubernetes` Service leads to, is taken inside the fabric's namespaces and carried
 * to the API server by the lab's server, which is on the machine. TLS goes through from end to end.
 */
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { openNetns } from '../../linux/netns/netns.ts';
import { listenTcp } from '../../linux/netns/sockets.ts';
import { parseIp } from '../../net/ip.ts';
import type { LabConfig, LabPaths } from '../topology/lab-config.ts';
import { carry } from './carry.ts';
import { addressOf, type ExternalApiServer } from './external-api-server.ts';

export interface Relay {
  close(): void;
}

/** Where connections are taken: namespace, address, port. Pure. */
export function relayPlaces(
  config: Pick<LabConfig, 'apiServerIps' | 'apiServerPort'>,
  { advertised }: Pick<ExternalApiServer, 'advertised'>,
): { netns: 'fabric' | 'outside'; ip: string; port: number }[] {
  const { apiServerIps, apiServerPort: port } = config;
  const own = apiServerIps.map((ip) => ({ netns: 'fabric' as const, ip, port }));
  const others = advertised
    .filter((at) => !own.some(({ ip, port }) => ip === at.ip && port === at.port))
    .map((at) => ({
      netns: apiServerIps.includes(at.ip) ? ('fabric' as const) : ('outside' as const),
      ...at,
    }));
  return [...own, ...others];
}

/** Resolves when every place is listened on. */
export async function startRelay(
  config: LabConfig,
  paths: LabPaths,
  external: ExternalApiServer,
): Promise<Relay> {
  const open = new Set<Duplex>();
  const target = addressOf(external.endpoint);
  const servers: Server[] = [];
  for (const { netns, ip, port } of relayPlaces(config, external)) {
    using place = openNetns(paths.netns(netns));
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) =>
      carry(near, connect({ ...target, allowHalfOpen: true, noDelay: true }), open),
    );
    server.listen({ fd: listenTcp(place, { ip: parseIp(ip), port, v6only: true }) });
    await once(server, 'listening');
    servers.push(server);
  }
  return {
    close: () => {
      for (const server of servers) server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
