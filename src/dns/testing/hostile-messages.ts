/** Hostile DNS messages, from a seed: good ones with bytes changed, cut, doubled and pointed astray. */
import { parseIp } from '../../net/ip.ts';
import { encodeMessage, type Message, newQuery, replyTo } from '../message/message.ts';
import type { RecordData } from '../message/record-data.ts';

/** mulberry32: [0, 1). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const name = 'www.Example.org';
const records: RecordData[] = [
  { type: 1, ip: parseIp('192.0.2.1') },
  { type: 28, ip: parseIp('2001:db8::1') },
  { type: 5, target: 'alias.example.org' },
  { type: 33, priority: 1, weight: 2, port: 3, target: 'srv.example.org' },
  { type: 15, preference: 10, target: 'mail.example.org' },
  { type: 16, strings: [new Uint8Array(40), new Uint8Array()] },
  {
    type: 6,
    primary: 'ns.example.org',
    mailbox: 'root.example.org',
    serial: 1,
    refresh: 2,
    retry: 3,
    expire: 4,
    minimum: 5,
  },
  { type: 65, bytes: Uint8Array.of(0, 1, 0) },
];

function seeds(): Buffer[] {
  const query = newQuery(0x1234, { name, type: 1 });
  const edns = {
    udpBytes: 4096,
    version: 0,
    dnssecOk: true,
    options: [{ code: 10, data: new Uint8Array(8) }],
  };
  const answers = records.map((data) => ({ name, class: 1, ttl: 60, data }));
  const messages: Message[] = [
    query,
    { ...query, edns },
    { ...query, questions: [{ name: 'a.b.c.d.e.f.g.h', type: 255, class: 3 }] },
    replyTo(query, { answers, authorities: answers.slice(-2), edns }),
    { ...query, opcode: 5, authorities: answers },
  ];
  return messages.map((message) => Buffer.from(encodeMessage(message)));
}

/** Endless. Each is its own; none is longer than what one datagram holds. */
export function* hostileMessages(seed: number): Generator<Buffer, never> {
  const next = random(seed);
  const below = (limit: number) => Math.floor(next() * limit);
  const good = seeds();
  const changes: ((bytes: Buffer) => Buffer)[] = [
    (bytes) => withByte(bytes, below(bytes.length), below(256)),
    (bytes) => withByte(bytes, below(bytes.length), 0xc0 | below(4)),
    (bytes) => withByte(bytes, 4 + below(8), below(256)),
    (bytes) => withByte(bytes, below(bytes.length), [0, 1, 63, 64, 127, 128, 191, 192, 255][below(9)]!),
    (bytes) => bytes.subarray(0, below(bytes.length + 1)),
    (bytes) => Buffer.concat([bytes, bytes.subarray(below(bytes.length))]),
    (bytes) => {
      const at = below(bytes.length);
      return Buffer.concat([bytes.subarray(0, at), Buffer.of(0xc0, below(256)), bytes.subarray(at)]);
    },
  ];
  for (;;) {
    let bytes: Buffer = Buffer.from(good[below(good.length)]!);
    for (let left = below(4); left >= 0 && bytes.length > 12; left--)
      bytes = changes[below(changes.length)]!(bytes);
    yield bytes;
  }
}

function withByte(bytes: Buffer, at: number, value: number): Buffer {
  const changed = Buffer.from(bytes);
  if (at < changed.length) changed[at] = value;
  return changed;
}
