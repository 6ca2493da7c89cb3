/**
 * The ways from the fabric to the API server. Nodes and pods reach nothing of the machine: a connection to the lab's
 * API address, or to one that the `kubernetes` Service leads to, is taken inside the fabric's namespaces and carried
 * to the API server by the lab's server, which is on the machine. TLS goes through from end to end.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { openNetns } from '../../linux/netns/netns.ts';
import { listenTcp } from '../../linux/netns/sockets.ts';
import { parseIp } from '../../net/ip.ts';
import type { LabConfig, LabPaths } from '../topology/lab-config.ts';
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
  const sockets = new Set<Socket>();
  const target = addressOf(external.endpoint);
  const servers: Server[] = [];
  for (const { netns, ip, port } of relayPlaces(config, external)) {
    using place = openNetns(paths.netns(netns));
    const server = createServer({ allowHalfOpen: true }, (near) => carry(near, target, sockets));
    server.listen({ fd: listenTcp(place, { ip: parseIp(ip), port, v6only: true }) });
    await once(server, 'listening');
    servers.push(server);
  }
  return {
    close: () => {
      for (const server of servers) server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Whichever side breaks, breaks the other; one that ends its half goes on hearing the other's. */
function carry(near: Socket, target: { host: string; port: number }, sockets: Set<Socket>): void {
  const far = connect({ ...target, allowHalfOpen: true, noDelay: true });
  near.setNoDelay();
  for (const socket of [near, far]) {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  }
  pipeline(near, far, () => {});
  pipeline(far, near, () => {});
}
