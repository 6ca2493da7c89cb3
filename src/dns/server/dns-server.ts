/**
 * DNS over UDP and TCP (RFC 1035 section 4.2, RFC 7766): decodes, admits, runs the chain, encodes for the
 * transport and the client's EDNS size.
 */
import dgram from 'node:dgram';
import net from 'node:net';
import type { Family } from '../../net/ip.ts';
import type { Logger } from '../../util/logger.ts';
import { admit, type DnsPlugin, serveChain } from '../chain.ts';
import { classicUdpBytes, responseCodes } from '../message/constants.ts';
import { decodeMessage, encodeMessage, headerBytes, type Message, replyTo } from '../message/message.ts';

/** The largest UDP answer sent and announced: fits one packet on any path (DNS flag day 2020). */
const maxUdpBytes = 1232;
/** A TCP client that says nothing for this long is closed. */
const tcpIdleMs = 10_000;
/** Queries of one TCP connection that may be under way at once; then reading pauses. */
const maxPipelined = 100;

export interface DnsServerOptions {
  plugins: readonly DnsPlugin[];
  logger: Logger;
  /** Some plugin resolves names of the whole world: every reply says so (RA). */
  recursive?: boolean;
  /** Where to listen: addresses, or descriptors of sockets that are bound already. */
  listen: {
    udp: { address: string; port: number } | { fd: number; family: Family };
    tcp: { address: string; port: number } | { fd: number };
  }[];
}

export interface DnsServer {
  /** Bound addresses, UDP's port per entry of `listen`. */
  readonly ports: { udp: number; tcp: number }[];
  close(): Promise<void>;
}

type Client = { address: string; port: number };

/** Starts listening; resolves when every socket is bound. */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const answer = createResponder(options);
  const sockets = options.listen.map(({ udp, tcp }) => ({
    udp: udpSocket('address' in udp ? net.isIP(udp.address) : udp.family, answer),
    tcp: tcpServer(answer),
    at: { udp, tcp },
  }));
  await Promise.all(sockets.flatMap(({ udp, tcp, at }) => [bindUdp(udp, at.udp), bindTcp(tcp, at.tcp)]));
  return {
    ports: sockets.map(({ udp, tcp }) => ({
      udp: udp.address().port,
      tcp: (tcp.address() as net.AddressInfo).port,
    })),
    close: async () => {
      await Promise.all(sockets.map(({ udp }) => new Promise<void>((resolve) => udp.close(() => resolve()))));
      for (const { tcp } of sockets) tcp.close();
    },
  };
}

type Responder = (bytes: Uint8Array, transport: 'udp' | 'tcp', client: Client) => Promise<Buffer | undefined>;

function createResponder({ plugins, logger, recursive = false }: DnsServerOptions): Responder {
  const respond: Responder = async (bytes, transport, client) => {
    let message: Message;
    try {
      message = decodeMessage(bytes);
    } catch {
      return formatError(bytes);
    }
    const admitted = admit(message);
    if (admitted === undefined) return undefined;
    let reply: Message;
    if ('reply' in admitted) reply = admitted.reply;
    else {
      try {
        reply = await serveChain(plugins, { message, ...admitted.query, transport, client });
      } catch (error) {
        logger.warn('query failed', { name: admitted.query.name, type: admitted.query.type, error });
        reply = replyTo(message, { rcode: responseCodes.SERVFAIL });
      }
    }
    return encodeReply(
      message,
      { ...reply, recursionAvailable: reply.recursionAvailable || recursive },
      transport,
    );
  };
  return async (bytes, transport, client) => {
    try {
      return await respond(bytes, transport, client);
    } catch (error) {
      logger.error('a reply cannot be made', { client: client.address, error });
      return undefined;
    }
  };
}

/** RFC 6891 section 6.1.1: a reply has an OPT record exactly where the query has one. */
function encodeReply(query: Message, reply: Message, transport: 'udp' | 'tcp'): Buffer {
  const edns = query.edns && {
    ...(reply.edns ?? { version: 0, options: [] }),
    udpBytes: maxUdpBytes,
    dnssecOk: query.edns.dnssecOk,
  };
  const asked = query.edns ? Math.max(query.edns.udpBytes, classicUdpBytes) : classicUdpBytes;
  const limit = transport === 'tcp' ? 65_535 : Math.min(asked, maxUdpBytes);
  return encodeMessage({ ...reply, id: query.id, questions: query.questions, edns }, limit);
}

/** FORMERR for what has a readable header and is a query; nothing for the rest (never answer an answer). */
function formatError(bytes: Uint8Array): Buffer | undefined {
  if (bytes.length < headerBytes || (bytes[2]! & 0x80) !== 0) return undefined;
  const header = Buffer.alloc(headerBytes);
  header.set(bytes.subarray(0, 2));
  header[2] = 0x80 | (bytes[2]! & 0x79);
  header[3] = responseCodes.FORMERR;
  return header;
}

function udpSocket(family: number, answer: Responder): dgram.Socket {
  const socket = dgram.createSocket({ type: family === 4 ? 'udp4' : 'udp6', reuseAddr: false });
  socket.on('message', async (bytes, from) => {
    // Port 0 is nobody's: no reply can be sent there, and none is meant to be.
    if (from.port === 0) return;
    const reply = await answer(bytes, 'udp', from);
    // A client that is gone (ECONNREFUSED, EHOSTUNREACH) is nobody's error.
    if (reply) socket.send(reply, from.port, from.address, () => {});
  });
  return socket;
}

function tcpServer(answer: Responder): net.Server {
  return net.createServer((socket) => {
    let pending: Buffer = Buffer.alloc(0);
    let underWay = 0;
    socket.setTimeout(tcpIdleMs, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      takeMessages();
    });
    const client = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    function takeMessages(): void {
      while (
        underWay < maxPipelined &&
        pending.length >= 2 &&
        pending.length >= 2 + pending.readUInt16BE(0)
      ) {
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
  });
}

function bindUdp(
  socket: dgram.Socket,
  at: { address: string; port: number } | { fd: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(at as dgram.BindOptions, () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve();
    });
  });
}

function bindTcp(server: net.Server, at: { address: string; port: number } | { fd: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen('fd' in at ? at : { host: at.address, port: at.port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
