/** Turns a query's bytes into its reply's: decodes, admits, runs the chain, encodes for the transport and the client's EDNS size. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from '../../util/logger.ts';
import type { MetricRegistry } from '../../util/metrics.ts';
import { admit, serveChain } from '../chain.ts';
import { classicUdpBytes, isTransfer, responseCodes } from '../message/constants.ts';
import {
  decodeMessage,
  encodeMessage,
  headerBytes,
  type Message,
  type ResourceRecord,
  replyTo,
} from '../message/message.ts';
import type { Answer, DnsPlugin, Query, Served } from '../plugin.ts';
import { transferMessages } from './transfer-messages.ts';
import { TransferSlots } from './transfer-slots.ts';

/** The largest UDP answer sent and announced: fits one packet on any path (DNS flag day 2020). */
const maxUdpBytes = 1232;

export type Asker = Pick<Query, 'transport' | 'client' | 'server'>;

/**
 * Answers one message: at once where the chain does, so that most queries cost no promise. Undefined: no answer
 * at all. Never throws, and never rejects.
 */
export type Responder = (bytes: Uint8Array, asker: Asker) => Reply | Promise<Reply>;

export type Reply = Buffer | ZoneTransfer | undefined;

/**
 * A reply that takes its time, of any number of messages, made as they are taken; only over streams. The first comes when there is room
 * for another transfer. `isGone` tells whether its client has left meanwhile.
 */
export interface ZoneTransfer {
  messages(isGone: () => boolean): AsyncIterable<Buffer>;
}

export interface ResponderOptions {
  plugins: readonly DnsPlugin[];
  logger: Logger;
  /** Some plugin resolves names of the whole world: every reply says so (RA). */
  recursive?: boolean;
  /** The plugins know zone transfers, and refuse those that are not allowed. */
  transfers?: boolean;
  metrics?: MetricRegistry;
}

export function createResponder({
  plugins,
  logger,
  recursive = false,
  transfers,
  metrics,
}: ResponderOptions): Responder {
  const slots = new TransferSlots();
  const leftOut = metrics?.counter({
    name: 'tendril_dns_transfer_records_left_out_total',
    help: 'Records of transferred zones that no message can have.',
  });

  function finish(message: Message, answer: Answer, asker: Asker): Buffer | undefined {
    if (answer === undefined) return undefined;
    try {
      return encodeReply(message, withRecursion(answer), asker.transport);
    } catch (error) {
      logger.error('a reply cannot be made', { client: asker.client.address, error });
      return encodeReply(message, replyTo(message, { rcode: responseCodes.SERVFAIL }), asker.transport);
    }
  }

  function withRecursion(answer: Message): Message {
    return recursive && !answer.recursionAvailable ? { ...answer, recursionAvailable: true } : answer;
  }

  /** At most one message a turn of the event loop: who asks for other things meanwhile hardly notices. */
  async function* transferred(query: Query, isGone: () => boolean): AsyncGenerator<Buffer> {
    const { message, client } = query;
    const taking = slots.take(client.address);
    if (taking === undefined) {
      yield encodeReply(message, replyTo(message, { rcode: responseCodes.REFUSED }), 'tcp');
      return;
    }
    using _slot = await taking;
    if (isGone()) return;
    const answer = await serve(query);
    if (answer === undefined || answer.answers.length <= 1) {
      const reply = finish(message, answer, query);
      if (reply !== undefined) yield reply;
      return;
    }
    const reply = withRecursion(answer);
    const encode = (answers: ResourceRecord[]) => encodeReply(message, { ...reply, answers }, 'tcp');
    let lost = 0;
    for (const bytes of transferMessages(reply.answers, encode, () => lost++)) {
      yield bytes;
      await nextTurn();
    }
    if (lost === 0) return;
    leftOut?.inc({}, lost);
    logger.warn('records of a zone cannot be transferred: a label of their names is too long', {
      zone: query.name,
      to: client.address,
      records: lost,
    });
  }

  function failed(query: Query, error: unknown): Message {
    logger.warn('query failed', { name: query.name, type: query.type, error });
    return replyTo(query.message, { rcode: responseCodes.SERVFAIL });
  }

  function serve(query: Query): Served {
    try {
      const served = serveChain(plugins, query);
      return served instanceof Promise ? served.catch((error) => failed(query, error)) : served;
    } catch (error) {
      return failed(query, error);
    }
  }

  return (bytes, asker) => {
    let message: Message;
    try {
      message = decodeMessage(bytes);
    } catch {
      return formatError(bytes);
    }
    const admitted = admit(message, { transfers });
    if (admitted === undefined) return undefined;
    if ('reply' in admitted) return finish(message, admitted.reply, asker);
    const { name, type } = admitted.query;
    const { transport, client, server } = asker;
    const query: Query = { message, name, type, transport, client, server };
    if (transport !== 'udp' && isTransfer(type)) return { messages: (isGone) => transferred(query, isGone) };
    const served = serve(query);
    if (!(served instanceof Promise)) return finish(message, served, asker);
    return served.then((answer) => finish(message, answer, asker));
  };
}

/** RFC 6891 section 6.1.1: a reply has an OPT record exactly where the query has one. */
function encodeReply(query: Message, reply: Message, transport: Query['transport']): Buffer {
  const edns = query.edns && {
    ...(reply.edns ?? { version: 0, options: [] }),
    udpBytes: maxUdpBytes,
    dnssecOk: query.edns.dnssecOk,
  };
  const asked = query.edns ? Math.max(query.edns.udpBytes, classicUdpBytes) : classicUdpBytes;
  const limit = transport === 'udp' ? Math.min(asked, maxUdpBytes) : 65_535;
  const sent = { ...reply, id: query.id, questions: query.questions, edns };
  const bytes = encodeMessage(sent, limit, { inCaseOfQuestion: true });
  if (bytes.length <= limit || edns === undefined) return bytes;
  // Options of another server, as long as it likes (padding that it echoes): the client can do without.
  return encodeMessage({ ...sent, edns: { ...edns, options: [] } }, limit, { inCaseOfQuestion: true });
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
