/** DNS over TCP: a bounded number of connections, at one address or on a socket that listens already. */
import net from 'node:net';
import type { Logger } from '../../util/logger.ts';
import { type ConnectionLimits, Connections } from './connections.ts';
import { listenError } from './listen-error.ts';
import type { Responder } from './responder.ts';
import { serveStream } from './stream-connection.ts';
import type { Listener } from './udp-listener.ts';

export type TcpPlace = { address: string; port: number; ipv6Only?: boolean } | { fd: number };

/** Resolves when the socket listens. @throws TendrilError LISTEN */
export async function listenTcp(
  at: TcpPlace,
  answer: Responder,
  { logger, limits }: { logger: Logger; limits?: ConnectionLimits },
): Promise<Listener> {
  const connections = new Connections(limits);
  return await listenStream(at, {
    what: 'TCP for DNS',
    serve: (socket) => serveStream(socket, { transport: 'tcp', answer, connections }),
    connections,
    logger,
  });
}

export interface StreamServing {
  what: string;
  connections: Connections;
  /** Called with each connection for which there is room. */
  serve(socket: net.Socket): void;
  logger: Logger;
}

/** Listens, and ends the connections at the end. @throws TendrilError LISTEN */
export async function listenStream(
  at: TcpPlace,
  { what, connections, serve, logger }: StreamServing,
): Promise<Listener> {
  // Half open: a client that has sent all its queries still gets the answers.
  const server = net.createServer({ allowHalfOpen: true });
  server.on('connection', (socket: net.Socket) => {
    if (connections.admit(socket)) serve(socket);
  });
  await listen(server, at, what);
  // Accepting fails where descriptors run out; those who are connected are served on.
  server.on('error', (error) => logger.warn('accepting failed', { transport: what, error }));
  return {
    port: (server.address() as net.AddressInfo).port,
    close: () => {
      connections.closeAll();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: net.Server, at: TcpPlace, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => reject(listenError(what, 'address' in at ? at : {}, cause));
    server.once('error', fail);
    const place = 'fd' in at ? at : { host: at.address, port: at.port, ipv6Only: at.ipv6Only };
    server.listen(place, () => {
      server.off('error', fail);
      resolve();
    });
  });
}
