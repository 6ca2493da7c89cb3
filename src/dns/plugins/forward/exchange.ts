/**
 * One question to one server. By UDP each leaves from a socket of its own, so that the kernel chooses a random
 * port, with a random id; an answer counts only if it comes from the server asked and repeats id and question
 * (RFC 5452): everything else is ignored, and waiting goes on.
 */
import dgram from 'node:dgram';
import net from 'node:net';
import { TendrilError } from '../../../util/errors.ts';
import { decodeMessage, encodeMessage, headerBytes, type Message } from '../../message/message.ts';
import { sameName } from '../../message/name.ts';

export interface Target {
  address: string;
  port: number;
  /** Address that queries leave from; absent: the kernel's choice. */
  sourceAddress?: string;
}

/** Calls once after a time; the result cancels. */
export type After = (ms: number, fn: () => void) => () => void;

export function noAnswer({ address, port }: Target, cause?: unknown): TendrilError {
  return new TendrilError('DNS_UPSTREAM', `the DNS server ${address} port ${port} does not answer`, {
    cause,
    remedy: 'See that it serves and can be reached from here, or name another in resolv.conf.',
  });
}

/** The reply, where it is one to `asked`; undefined for anything else, also what is no DNS message. */
export function replyOf(asked: Message, bytes: Uint8Array): Message | undefined {
  let reply: Message;
  try {
    reply = decodeMessage(bytes);
  } catch {
    return cutShort(asked, bytes);
  }
  return isReply(asked, reply) ? reply : undefined;
}

function isReply(asked: Message, reply: Message): boolean {
  const [question] = reply.questions;
  const wanted = asked.questions[0]!;
  return (
    reply.response &&
    reply.id === asked.id &&
    reply.questions.length === 1 &&
    question!.type === wanted.type &&
    question!.class === wanted.class &&
    sameName(question!.name, wanted.name)
  );
}

/** An answer that a server cut off in the midst of a record: taken as truncated, without any record. */
function cutShort(asked: Message, bytes: Uint8Array): Message | undefined {
  if (bytes.length <= headerBytes || (bytes[2]! & 0x02) === 0) return undefined;
  const head = Buffer.from(encodeMessage(asked));
  const end = headerBytes + questionByteLength(head);
  if (bytes.length < end) return undefined;
  const alone = Buffer.from(bytes.subarray(0, end));
  alone.writeUInt16BE(1, 4);
  alone.fill(0, 6, headerBytes);
  try {
    const reply = decodeMessage(alone);
    return isReply(asked, reply) ? reply : undefined;
  } catch {
    return undefined;
  }
}

function questionByteLength(message: Uint8Array): number {
  let at = headerBytes;
  while (message[at] !== 0) at += 1 + message[at]!;
  return at + 5 - headerBytes;
}

/** @throws TendrilError DNS_UPSTREAM where no reply comes in time, or the server cannot be reached */
export function overUdp(
  asked: Message,
  target: Target,
  { timeoutMs, after }: { timeoutMs: number; after: After },
): Promise<Message> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket(net.isIPv4(target.address) ? 'udp4' : 'udp6');
    let settled = false;
    const settle = (outcome: () => void) => {
      if (settled) return;
      settled = true;
      cancel();
      socket.close();
      outcome();
    };
    const fail = (cause?: unknown) => settle(() => reject(noAnswer(target, cause)));
    const cancel = after(timeoutMs, fail);
    socket.on('error', fail);
    socket.on('message', (bytes) => {
      const reply = replyOf(asked, bytes);
      if (reply) settle(() => resolve(reply));
    });
    // Connected: the kernel drops what comes from anyone else. The callback gets an error where there is no route.
    const connect = () =>
      socket.connect(target.port, target.address, (error?: Error) => {
        if (error) fail(error);
        else if (!settled) socket.send(encodeMessage(asked));
      });
    if (target.sourceAddress === undefined) connect();
    else socket.bind({ address: target.sourceAddress }, connect);
  });
}
