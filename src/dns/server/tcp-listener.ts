/** DNS over TCP: a bounded number of connections, at one address or on a socket that listens already. */
import net from 'node:net';
import type { Logger } from '../../util/logger.ts';
import { listenError } from './listen-error.ts';
import type { Responder } from './responder.ts';
import { serveStream } from './stream-connection.ts';
import type { Listener } from './udp-listener.ts';

export type TcpPlace = { address: string; port: number; ipv6Only?: boolean } | { fd: number };

/** Connections of one listener; what comes beyond is closed at once (RFC 7766, section 6.2.2). */
const maxConnections = 4096;

/** Resolves when the socket listens. @throws TendrilError LISTEN */
export async function listenTcp(at: TcpPlace, answer: Responder, logger: Logger): Promise<Listener> {
  // Half open: a client that has sent all its queries still gets the answers.
  const server = net.createServer({ allowHalfOpen: true });
  return await listenStream(server, at, {
    what: 'TCP for DNS',
    serve: (socket) => serveStream(socket, 'tcp', answer),
    logger,
  });
}

export interface StreamServing {
  what: string;
  serve(socket: net.Socket): void;
  logger: Logger;
}

/** Listens, and keeps the connections to end them. @throws TendrilError LISTEN */
export async function listenStream(
  server: net.Server,
  at: TcpPlace,
  { what, serve, logger }: StreamServing,
): Promise<Listener> {
  const connections = new Set<net.Socket>();
  server.maxConnections = maxConnections;
  server.on('connection', (socket: net.Socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    serve(socket);
  });
  await listen(server, at, what);
  // Accepting fails where descriptors run out; those who are connected are served on.
  server.on('error', (error) => logger.warn('accepting failed', { transport: what, error }));
  return {
    port: (server.address() as net.AddressInfo).port,
    close: () => {
      for (const socket of connections) socket.destroy();
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
