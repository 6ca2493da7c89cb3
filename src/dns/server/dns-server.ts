/**
 * DNS over UDP and TCP (RFC 1035 section 4.2, RFC 7766): decodes, admits, runs the chain, encodes for the
 * transport and the client's EDNS size.
 */
import type { Logger } from '../../util/logger.ts';
import { admit, serveChain } from '../chain.ts';
import { classicUdpBytes, responseCodes } from '../message/constants.ts';
import { decodeMessage, encodeMessage, headerBytes, type Message, replyTo } from '../message/message.ts';
import type { DnsPlugin } from '../plugin.ts';
import { listenTcp, type TcpPlace } from './tcp-listener.ts';
import { type Listener, listenUdp, type UdpPlace } from './udp-listener.ts';

/** The largest UDP answer sent and announced: fits one packet on any path (DNS flag day 2020). */
const maxUdpBytes = 1232;

export interface DnsServerOptions {
  plugins: readonly DnsPlugin[];
  logger: Logger;
  /** Some plugin resolves names of the whole world: every reply says so (RA). */
  recursive?: boolean;
  /** Where to listen: addresses, or descriptors of sockets that are bound already. */
  listen: { udp: UdpPlace; tcp: TcpPlace }[];
}

export interface DnsServer {
  /** Bound addresses, UDP's port per entry of `listen`. */
  readonly ports: { udp: number; tcp: number }[];
  /** Stops listening and ends connections. */
  close(): Promise<void>;
}

/** Answers one message; undefined: no answer at all. Never throws. */
export type Responder = (
  bytes: Uint8Array,
  transport: 'udp' | 'tcp',
  client: { address: string; port: number },
) => Promise<Buffer | undefined>;

/** Starts listening; resolves when every socket is bound. @throws TendrilError LISTEN: then none is */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const answer = createResponder(options);
  const { listen, logger } = options;
  const starting = listen.flatMap(({ udp, tcp }) => [
    listenUdp(udp, answer, logger),
    listenTcp(tcp, answer, logger),
  ]);
  const settled = await Promise.allSettled(starting);
  const listeners = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const close = async () => {
    await Promise.all(listeners.map((listener) => listener.close()));
  };
  const failure = settled.find((one) => one.status === 'rejected');
  if (failure !== undefined) {
    await close();
    throw failure.reason;
  }
  return { ports: listen.map((_, i) => portsOf(listeners.slice(2 * i, 2 * i + 2))), close };
}

function portsOf([udp, tcp]: readonly Listener[]): { udp: number; tcp: number } {
  return { udp: udp!.port, tcp: tcp!.port };
}

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
    let reply: Message | undefined;
    if ('reply' in admitted) reply = admitted.reply;
    else {
      try {
        reply = await serveChain(plugins, { message, ...admitted.query, transport, client });
      } catch (error) {
        logger.warn('query failed', { name: admitted.query.name, type: admitted.query.type, error });
        reply = replyTo(message, { rcode: responseCodes.SERVFAIL });
      }
    }
    if (reply === undefined) return undefined;
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
