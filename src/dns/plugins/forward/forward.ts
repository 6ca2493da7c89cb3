/**
 * Asks other servers for what no plugin before it answers. Each query leaves from a socket of its own, so that
 * the kernel chooses a random port, with a random id; an answer counts only if it comes from the server asked
 * and repeats id and question (RFC 5452). Truncated answers are asked for again over TCP.
 */
import { randomInt } from 'node:crypto';
import dgram from 'node:dgram';
import net from 'node:net';
import { TendrilError } from '../../../util/errors.ts';
import { decodeMessage, encodeMessage, type Message, newQuery } from '../../message/message.ts';
import { sameName } from '../../message/name.ts';
import type { DnsPlugin, Query } from '../../plugin.ts';

export interface Upstream {
  address: string;
  port: number;
}

export interface ForwardOptions {
  upstreams: readonly Upstream[];
  /** Per try. */
  timeoutMs?: number;
}

export function forwardPlugin({ upstreams, timeoutMs = 2000 }: ForwardOptions): DnsPlugin {
  let turn = 0;
  return {
    name: 'forward',
    serve: async (query, next) => {
      if (upstreams.length === 0) return next();
      const first = turn++;
      let failure: unknown;
      for (let attempt = 0; attempt < Math.max(2, upstreams.length); attempt++) {
        const upstream = upstreams[(first + attempt) % upstreams.length]!;
        try {
          return await exchange(query, upstream, timeoutMs);
        } catch (error) {
          failure = error;
        }
      }
      throw failure;
    },
  };
}

async function exchange(query: Query, upstream: Upstream, timeoutMs: number): Promise<Message> {
  const question = query.message.questions[0]!;
  const asked = newQuery(randomInt(0x10000), question, {
    recursionDesired: query.message.recursionDesired,
    checkingDisabled: query.message.checkingDisabled,
    edns: { udpBytes: 1232, version: 0, dnssecOk: query.message.edns?.dnssecOk ?? false, options: [] },
  });
  const signal = AbortSignal.timeout(timeoutMs);
  const reply = await overUdp(asked, upstream, signal);
  const answer = reply.truncated ? await overTcp(asked, upstream, signal) : reply;
  return { ...answer, id: query.message.id, questions: query.message.questions };
}

function answers(asked: Message, bytes: Uint8Array): Message | undefined {
  try {
    const reply = decodeMessage(bytes);
    const [question] = reply.questions;
    const wanted = asked.questions[0]!;
    const matches =
      reply.response &&
      reply.id === asked.id &&
      question?.type === wanted.type &&
      sameName(question.name, wanted.name);
    return matches ? reply : undefined;
  } catch {
    return undefined;
  }
}

function noAnswer(upstream: Upstream, cause?: unknown): TendrilError {
  const server = `${upstream.address} port ${upstream.port}`;
  return new TendrilError('DNS_UPSTREAM', `the DNS server ${server} does not answer`, {
    cause,
    remedy: 'See that it serves and can be reached from here, or name another in resolv.conf.',
  });
}

function overUdp(asked: Message, upstream: Upstream, signal: AbortSignal): Promise<Message> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket(net.isIPv4(upstream.address) ? 'udp4' : 'udp6');
    const settle = (outcome: () => void) => {
      signal.removeEventListener('abort', onAbort);
      socket.close();
      outcome();
    };
    const onAbort = () => settle(() => reject(noAnswer(upstream)));
    const onError = (error: Error) => settle(() => reject(noAnswer(upstream, error)));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', onError);
    socket.on('message', (bytes) => {
      const reply = answers(asked, bytes);
      if (reply) settle(() => resolve(reply));
    });
    // Connected: the kernel drops what comes from anyone else. The callback gets an error where there is no route.
    socket.connect(upstream.port, upstream.address, (error?: Error) => {
      if (error) onError(error);
      else socket.send(encodeMessage(asked));
    });
  });
}

function overTcp(asked: Message, upstream: Upstream, signal: AbortSignal): Promise<Message> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: upstream.address, port: upstream.port, signal });
    let pending: Buffer = Buffer.alloc(0);
    socket.on('error', (error) => reject(noAnswer(upstream, error)));
    socket.on('close', () => reject(noAnswer(upstream)));
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      if (pending.length < 2 || pending.length < 2 + pending.readUInt16BE(0)) return;
      const reply = answers(asked, pending.subarray(2, 2 + pending.readUInt16BE(0)));
      socket.destroy();
      if (reply) resolve(reply);
    });
    const message = encodeMessage(asked);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(message.length);
    socket.write(Buffer.concat([length, message]));
  });
}
