/** What must hold for hostile messages, as many as are asked for: a few with the unit tests, a million in `make fuzz`. */
import { isDeepStrictEqual } from 'node:util';
import packet from 'dns-packet';
import { expect, test } from 'vitest';
import { isError } from '../../util/errors.ts';
import { silentLogger } from '../../util/logger.ts';
import { recordTypes } from '../message/constants.ts';
import { decodeMessage, encodeMessage, type Message, replyTo } from '../message/message.ts';
import { createResponder } from '../server/responder.ts';
import { hostileMessages } from './hostile-messages.ts';

const client = { address: '192.0.2.1', port: 4000 };

export function hostileMessageCases(count: number, seed: number): void {
  test(`${count} hostile messages, seed ${seed}: each is read whole or refused, and what is read is written and read as the same`, () => {
    let read = 0;
    eachMessage(count, seed, (bytes) => {
      const message = decoded(bytes);
      if (message === undefined) return;
      read++;
      const written = encodeMessage(message);
      if (!isDeepStrictEqual(decodeMessage(written), message)) throw new Error('read again it is another');
    });
    expect(read).toBeGreaterThan(count / 20);
  });

  test(`${count} hostile messages, seed ${seed}: replies only to queries, within what the client takes, and well formed`, () => {
    const answers = Array.from({ length: 100 }, (_, i) => ({
      name: 'www.example.org',
      class: 1,
      ttl: 1,
      data: { type: recordTypes.TXT, strings: [new Uint8Array(i)] },
    }));
    const plugins = [
      { name: 'large', serve: ({ message }: { message: Message }) => replyTo(message, { answers }) },
    ];
    const respond = createResponder({ plugins, logger: silentLogger });
    let replies = 0;
    eachMessage(count, seed, (bytes) => {
      const reply = respond(bytes, { transport: 'udp', client }) as Buffer | undefined;
      if (reply === undefined) return;
      replies++;
      const query = decoded(bytes);
      const limit = query?.edns ? Math.min(Math.max(query.edns.udpBytes, 512), 1232) : 512;
      if ((bytes[2]! & 0x80) !== 0 || reply.length > limit) throw new Error('more than the client may get');
      if (reply.readUInt16BE(0) !== bytes.readUInt16BE(0)) throw new Error('a reply to something else');
      if (replies % 16 === 0) packet.decode(reply);
    });
    expect(replies).toBeGreaterThan(count / 20);
  });
}

function eachMessage(count: number, seed: number, check: (bytes: Buffer) => void): void {
  let left = count;
  for (const bytes of hostileMessages(seed)) {
    if (left-- === 0) return;
    try {
      check(bytes);
    } catch (cause) {
      throw new Error(`message ${bytes.toString('hex')}`, { cause });
    }
  }
}

/** Undefined where it is refused. @throws any other error */
function decoded(bytes: Uint8Array): Message | undefined {
  try {
    return decodeMessage(bytes);
  } catch (error) {
    if (isError(error, 'BAD_INPUT')) return undefined;
    throw error;
  }
}
