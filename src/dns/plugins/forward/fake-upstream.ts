/** DNS servers for tests that say what they are told to, over UDP and TCP at one port, in one event loop with the test. */
import dgram from 'node:dgram';
import net from 'node:net';
import tls from 'node:tls';
import { decodeMessage, encodeMessage, type Message } from '../../message/message.ts';
import { framed } from './stream-connection.ts';

export interface Asked {
  message: Message;
  by: 'udp' | 'tcp';
  /** The client's port. */
  from: number;
}

/** Messages, or bytes, that go back one after the other. */
export type Behaviour = (asked: Asked) => (Message | Uint8Array)[];

export interface FakeUpstream extends AsyncDisposable {
  port: number;
  asked: Asked[];
  /** Connections accepted so far. */
  connections: number;
  /** Sends a datagram to a port of 127.0.0.1. */
  send(bytes: Uint8Array, port: number): void;
  /** Ends the connections that are there. */
  dropConnections(): void;
}

/** `secure`: TLS instead of TCP, and no UDP. */
export async function startFakeUpstream(
  behave: Behaviour,
  { host = '127.0.0.1', secure }: { host?: string; secure?: tls.TlsOptions } = {},
): Promise<FakeUpstream> {
  const asked: Asked[] = [];
  const sockets = new Set<net.Socket>();
  const replies = (bytes: Uint8Array, by: Asked['by'], from: number) => {
    const one = { message: decodeMessage(bytes), by, from };
    asked.push(one);
    return behave(one).map((reply) => (reply instanceof Uint8Array ? reply : encodeMessage(reply)));
  };
  const serve = (socket: net.Socket) => {
    fake.connections++;
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.on('data', (bytes: Buffer) => {
      for (const reply of replies(bytes.subarray(2), 'tcp', socket.remotePort!)) socket.write(framed(reply));
    });
  };
  const server = secure ? tls.createServer(secure, serve) : net.createServer(serve);
  const udp = dgram.createSocket(net.isIPv4(host) ? 'udp4' : 'udp6');
  udp.on('message', (bytes, from) => {
    for (const reply of replies(bytes, 'udp', from.port)) udp.send(reply, from.port, from.address);
  });
  const port = await listenAtOnePort(server, udp, host);
  const fake: FakeUpstream = {
    port,
    asked,
    connections: 0,
    send: (bytes, to) => udp.send(bytes, to, '127.0.0.1'),
    dropConnections: () => {
      for (const socket of sockets) socket.destroy();
    },
    [Symbol.asyncDispose]: async () => {
      fake.dropConnections();
      await Promise.all([
        new Promise<void>((resolve) => udp.close(() => resolve())),
        new Promise<void>((resolve) => server.close(() => resolve())),
      ]);
    },
  };
  return fake;
}

/** A port that is free for TCP may be taken for UDP: then by another. */
async function listenAtOnePort(server: net.Server, udp: dgram.Socket, host: string): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as net.AddressInfo;
  const isBound = await new Promise<boolean>((resolve) => {
    udp.once('error', () => resolve(false));
    udp.bind(port, host, () => resolve(true));
  });
  udp.removeAllListeners('error');
  if (isBound) return port;
  await new Promise((resolve) => server.close(resolve));
  return await listenAtOnePort(server, udp, host);
}
