/** Turns a query's bytes into its reply's: decodes, admits, runs the chain, encodes for the transport and the client's EDNS size. */
import type { Logger } from '../../util/logger.ts';
import { admit, serveChain } from '../chain.ts';
import { recordByteLength } from '../message/byte-length.ts';
import { classicUdpBytes, isTransfer, responseCodes } from '../message/constants.ts';
import { decodeMessage, encodeMessage, headerBytes, type Message, replyTo } from '../message/message.ts';
import type { Answer, DnsPlugin, Query, Served } from '../plugin.ts';

/** The largest UDP answer sent and announced: fits one packet on any path (DNS flag day 2020). */
const maxUdpBytes = 1232;

export type Asker = Pick<Query, 'transport' | 'client' | 'server'>;

/**
 * Answers one message: at once where the chain does, so that most queries cost no promise. Undefined: no answer
 * at all. Never throws, and never rejects.
 */
export type Responder = (bytes: Uint8Array, asker: Asker) => Reply | Promise<Reply>;

export type Reply = Buffer | ZoneTransfer | undefined;

/** A reply of several messages, encoded as they are taken, which throws where one cannot be; only over streams. */
export interface ZoneTransfer {
  messages: Iterable<Buffer>;
}

export interface ResponderOptions {
  plugins: readonly DnsPlugin[];
  logger: Logger;
  /** Some plugin resolves names of the whole world: every reply says so (RA). */
  recursive?: boolean;
  /** The plugins know zone transfers, and refuse those that are not allowed. */
  transfers?: boolean;
}

export function createResponder({
  plugins,
  logger,
  recursive = false,
  transfers,
}: ResponderOptions): Responder {
  function finish(message: Message, answer: Answer, asker: Asker): Reply {
    if (answer === undefined) return undefined;
    try {
      const known =
        recursive && !answer.recursionAvailable ? { ...answer, recursionAvailable: true } : answer;
      if (
        asker.transport !== 'udp' &&
        isTransfer(message.questions[0]?.type ?? 0) &&
        known.answers.length > 1
      )
        return { messages: toldMessages(message, known, asker) };
      return encodeReply(message, known, asker.transport);
    } catch (error) {
      logger.error('a reply cannot be made', { client: asker.client.address, error });
      return encodeReply(message, replyTo(message, { rcode: responseCodes.SERVFAIL }), asker.transport);
    }
  }

  /** They are made when they are sent, one after the other. */
  function* toldMessages(message: Message, reply: Message, asker: Asker): Generator<Buffer> {
    try {
      yield* transferMessages(message, reply);
    } catch (error) {
      logger.error('a transfer cannot be made', { client: asker.client.address, error });
      throw error;
    }
  }

  function failed(query: Query, error: unknown): Message {
    logger.warn('query failed', { name: query.name, type: query.type, error });
    return replyTo(query.message, { rcode: responseCodes.SERVFAIL });
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
    let served: Served;
    try {
      served = serveChain(plugins, query);
    } catch (error) {
      served = failed(query, error);
    }
    if (!(served instanceof Promise)) return finish(message, served, asker);
    return served.then(
      (answer) => finish(message, answer, asker),
      (error) => finish(message, failed(query, error), asker),
    );
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

/** What the records of one message of a transfer may take, headers aside: it then surely fits its two bytes of length. */
const maxTransferBytes = 63_000;

function* transferMessages(query: Message, reply: Message): Generator<Buffer> {
  const { answers } = reply;
  for (let from = 0, to = 0; from < answers.length; from = to) {
    let bytes = 0;
    do bytes += recordByteLength(answers[to++]!);
    while (to < answers.length && bytes + recordByteLength(answers[to]!) <= maxTransferBytes);
    yield encodeReply(query, { ...reply, answers: answers.slice(from, to) }, 'tcp');
  }
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
