/** What a client's OPT record may be, and what of it a reply has (RFC 6891, section 6 and 7; RFC 7873, section 5.2 for servers without cookies). */
import { describe, expect, test } from 'vitest';
import { parseIp } from '../../net/ip.ts';
import { silentLogger } from '../../util/logger.ts';
import { recordTypes, responseCodes } from '../message/constants.ts';
import { decodeMessage, type Edns, encodeMessage, newQuery, replyTo } from '../message/message.ts';
import { createResponder } from './responder.ts';

const name = 'www.example.org';
const answers = Array.from({ length: 60 }, (_, i) => ({
  ...{ name, class: 1, ttl: 1 },
  data: { type: recordTypes.A, ip: parseIp(`10.0.0.${i}`) },
}));
const respond = createResponder({
  plugins: [{ name: 'many', serve: ({ message }) => replyTo(message, { answers }) }],
  logger: silentLogger,
});

function ask(bytes: Uint8Array) {
  const reply = respond(bytes, { transport: 'udp', client: { address: '192.0.2.1', port: 1 } }) as Buffer;
  return { ...decodeMessage(reply), byteLength: reply.length };
}

function query(edns: Partial<Edns> = {}): Buffer {
  const all = { udpBytes: 1232, version: 0, dnssecOk: false, options: [], ...edns };
  return Buffer.from(encodeMessage(newQuery(1, { name, type: recordTypes.A }, { edns: all })));
}

/** The empty OPT record of 11 bytes is the last. */
const record = query().subarray(-11);
const question = query().subarray(0, -11);

/** A query with these records behind the question; `count` of them in each section. */
function withRecords(
  counts: [answers: number, authorities: number, additionals: number],
  ...records: Buffer[]
) {
  const bytes = Buffer.concat([question, ...records]);
  for (const [section, count] of counts.entries()) bytes.writeUInt16BE(count, 6 + 2 * section);
  return bytes;
}

describe('FORMERR', () => {
  const named = Buffer.concat([Buffer.from([1, 0x61]), record]);
  const overrun = Buffer.concat([record.subarray(0, 9), Buffer.from([0, 4, 0, 10, 0, 8])]);
  test.each<[string, Buffer]>([
    ['two OPT records', withRecords([0, 0, 2], record, record)],
    ['an OPT record among the answers', withRecords([1, 0, 0], record)],
    ['an OPT record among the authorities', withRecords([0, 1, 0], record)],
    ['an OPT record of another name than the root', withRecords([0, 0, 1], named)],
    ['an option that runs past its record', withRecords([0, 0, 1], overrun)],
  ])('for %s', (_, bytes) => {
    expect(ask(bytes).rcode).toBe(responseCodes.FORMERR);
  });
});

test.each([
  [0, 512],
  [511, 512],
  [512, 512],
  [600, 600],
  [1232, 1232],
  [65_535, 1232],
])('a client that takes %i bytes gets at most %i', (udpBytes, limit) => {
  const { byteLength, truncated, edns } = ask(query({ udpBytes }));
  expect(byteLength).toBeLessThanOrEqual(limit);
  expect(byteLength).toBeGreaterThan(Math.min(limit, 1000) - 16);
  expect(truncated).toBe(limit < 1000);
  expect(edns?.udpBytes).toBe(1232);
});

test.each([1, 255])('version %i is BADVERS, told in version 0, and nothing is answered', (version) => {
  const reply = ask(query({ version, dnssecOk: true }));
  expect(reply).toMatchObject({ rcode: responseCodes.BADVERS, answers: [] });
  expect(reply.edns).toMatchObject({ version: 0, dnssecOk: true, options: [] });
});

test.each<[string, Edns['options'][number]]>([
  ['of an unknown code', { code: 65_001, data: Uint8Array.of(1, 2, 3) }],
  ['a client cookie', { code: 10, data: new Uint8Array(8) }],
  ['a cookie of a wrong length', { code: 10, data: new Uint8Array(3) }],
  ['an empty client subnet', { code: 8, data: Uint8Array.of(0, 1, 0, 0) }],
])('an option is passed over and not repeated: %s', (_, option) => {
  const reply = ask(query({ options: [option] }));
  expect(reply).toMatchObject({ rcode: 0, edns: { options: [] } });
  expect(reply.answers.length).toBeGreaterThan(0);
});

test('DO comes back as it was sent; without an OPT record there is none', () => {
  for (const dnssecOk of [false, true]) expect(ask(query({ dnssecOk })).edns?.dnssecOk).toBe(dnssecOk);
  expect(ask(withRecords([0, 0, 0])).edns).toBeUndefined();
});

test('options of a server behind that have no room are left out, whatever the transport', () => {
  const echo = createResponder({
    plugins: [{ name: 'echo', serve: ({ message }) => replyTo(message, { edns: message.edns, answers }) }],
    logger: silentLogger,
  });
  const bytes = query({ udpBytes: 65_535, options: [{ code: 12, data: new Uint8Array(3000) }] });
  const client = { address: '192.0.2.1', port: 1 };
  const udp = echo(bytes, { transport: 'udp', client }) as Buffer;
  expect(udp.length).toBeLessThanOrEqual(1232);
  expect(decodeMessage(udp)).toMatchObject({ truncated: false, edns: { options: [] } });
  expect(decodeMessage(udp).answers).toHaveLength(60);
  const tcp = echo(bytes, { transport: 'tcp', client }) as Buffer;
  expect(decodeMessage(tcp).edns!.options).toHaveLength(1);
});
