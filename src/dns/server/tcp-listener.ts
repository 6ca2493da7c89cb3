/** DNS over TCP (RFC 7766): queries of one connection are answered as they become ready, not in their order. */
import net from 'node:net';
import type { Logger } from '../../util/logger.ts';
import type { Responder } from './dns-server.ts';
import { listenError } from './listen-error.ts';
import type { Listener } from './udp-listener.ts';

export type TcpPlace = { address: string; port: number; ipv6Only?: boolean } | { fd: number };

/** A client that says nothing for this long is closed. */
const idleMs = 10_000;
/** Queries of one connection that may be under way at once; then reading pauses. */
const maxPipelined = 100;

/** Resolves when the socket listens. @throws TendrilError LISTEN */
export async function listenTcp(at: TcpPlace, answer: Responder, logger: Logger): Promise<Listener> {
  const connections = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    serveConnection(socket, answer);
  });
  await listen(server, at);
  // Accepting fails where descriptors run out; those who are connected are served on.
  server.on('error', (error) => logger.warn('accepting failed', { transport: 'tcp', error }));
  return {
    port: (server.address() as net.AddressInfo).port,
    close: () => {
      for (const socket of connections) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: net.Server, at: TcpPlace): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => reject(listenError('TCP for DNS', 'address' in at ? at : {}, cause));
    server.once('error', fail);
    const place = 'fd' in at ? at : { host: at.address, port: at.port, ipv6Only: at.ipv6Only };
    server.listen(place, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

function serveConnection(socket: net.Socket, answer: Responder): void {
  let pending: Buffer = Buffer.alloc(0);
  let underWay = 0;
  socket.setTimeout(idleMs, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    takeMessages();
  });
  const client = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
  function takeMessages(): void {
    while (underWay < maxPipelined && pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
      const length = pending.readUInt16BE(0);
      void serve(pending.subarray(2, 2 + length));
      pending = pending.subarray(2 + length);
    }
    if (underWay >= maxPipelined) socket.pause();
  }
  async function serve(bytes: Buffer): Promise<void> {
    underWay++;
    const reply = await answer(bytes, 'tcp', client);
    underWay--;
    if (reply === undefined) return void socket.destroy();
    const length = Buffer.alloc(2);
    length.writeUInt16BE(reply.length);
    if (!socket.destroyed) socket.write(Buffer.concat([length, reply]));
    if (socket.isPaused()) {
      socket.resume();
      takeMessages();
    }
  }
}
