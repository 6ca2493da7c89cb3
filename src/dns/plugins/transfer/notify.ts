/** NOTIFY: tells a secondary that a zone has changed (RFC 1996). */
import { randomInt } from 'node:crypto';
import dgram from 'node:dgram';
import { recordTypes, responseCodes } from '../../message/constants.ts';
import { decodeMessage, encodeMessage, type Message, newQuery } from '../../message/message.ts';
import { rcodeName } from '../../message/names-of-numbers.ts';

const opcodeNotify = 4;
const attempts = 3;
const answerMs = 2000;

export interface NotifyOptions {
  /** The address that it is sent from. */
  source?: string;
  /** Gives up. */
  signal?: AbortSignal;
  /** How long each answer is waited for. */
  timeoutMs?: number;
}

/** Resolves when it is taken. @throws Error where it is not, after three attempts */
export async function notify(
  zone: string,
  to: { address: string; port: number },
  options: NotifyOptions = {},
): Promise<void> {
  let problem: unknown;
  for (let i = 0; i < attempts; i++) {
    options.signal?.throwIfAborted();
    try {
      const { rcode } = await exchange(zone, to, options);
      if (rcode === responseCodes.NOERROR) return;
      problem = new Error(`it answers ${rcodeName(rcode)}`);
    } catch (error) {
      problem = error;
    }
  }
  throw problem;
}

function exchange(
  zone: string,
  { address, port }: { address: string; port: number },
  { source, signal, timeoutMs = answerMs }: NotifyOptions,
): Promise<Message> {
  const id = randomInt(0x10000);
  const notice = { opcode: opcodeNotify, authoritative: true, recursionDesired: false };
  const query = newQuery(id, { name: zone, type: recordTypes.SOA }, notice);
  const socket = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4');
  return new Promise<Message>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('it does not answer')), timeoutMs);
    const end = () => reject(signal!.reason);
    signal?.addEventListener('abort', end);
    socket.on('close', () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
    });
    socket.on('error', reject);
    // Connected: only what comes from there is received.
    socket.on('connect', () => socket.send(encodeMessage(query)));
    socket.on('message', (bytes) => {
      const reply = replyOf(bytes, id);
      if (reply !== undefined) resolve(reply);
    });
    socket.bind(0, source, () => socket.connect(port, address));
  }).finally(() => socket.close());
}

function replyOf(bytes: Uint8Array, id: number): Message | undefined {
  try {
    const message = decodeMessage(bytes);
    return message.response && message.id === id ? message : undefined;
  } catch {
    return undefined;
  }
}
