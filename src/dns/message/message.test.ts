import packet from 'dns-packet';
import { describe, expect, test } from 'vitest';
import { parseIp } from '../../net/ip.ts';
import fc from '../../util/testing/properties.ts';
import { recordTypes } from './constants.ts';
import {
  decodeMessage,
  encodeMessage,
  type Message,
  newQuery,
  type ResourceRecord,
  replyTo,
} from './message.ts';
import { decodeName } from './name.ts';
import type { RecordData } from './record-data.ts';

const label = fc.stringMatching(/^[a-z0-9_-]{1,12}$/);
const name = fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => labels.join('.'));
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0x7fffffff);

const data: fc.Arbitrary<RecordData> = fc.oneof(
  fc
    .uint8Array({ minLength: 4, maxLength: 4 })
    .map((bytes): RecordData => ({ type: recordTypes.A, ip: { family: 4, bytes } })),
  fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((bytes): RecordData => ({ type: recordTypes.AAAA, ip: { family: 6, bytes } })),
  name.map((target): RecordData => ({ type: recordTypes.CNAME, target })),
  fc
    .record({ priority: u16, weight: u16, port: u16, target: name })
    .map((srv): RecordData => ({ type: recordTypes.SRV, ...srv })),
  fc
    .record({
      primary: name,
      mailbox: name,
      serial: u32,
      refresh: u32,
      retry: u32,
      expire: u32,
      minimum: u32,
    })
    .map((soa): RecordData => ({ type: recordTypes.SOA, ...soa })),
  fc
    .array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 3 })
    .map((strings): RecordData => ({ type: recordTypes.TXT, strings })),
  fc.uint8Array({ maxLength: 30 }).map((bytes): RecordData => ({ type: 65, bytes })),
);
const record: fc.Arbitrary<ResourceRecord> = fc.record({ name, class: fc.constant(1), ttl: u32, data });
const records = fc.array(record, { maxLength: 5 });

const message: fc.Arbitrary<Message> = fc
  .record({
    id: u16,
    qname: name,
    type: u16,
    answers: records,
    authorities: records,
    additionals: records,
    aa: fc.boolean(),
  })
  .map(({ id, qname, type, answers, authorities, additionals, aa }) =>
    replyTo(newQuery(id, { name: qname, type }), { answers, authorities, additionals, authoritative: aa }),
  );

test('any message survives its encoding', () => {
  fc.assert(
    fc.property(message, (m) => {
      expect(decodeMessage(encodeMessage(m))).toEqual(m);
    }),
  );
});

test('another codec reads the same names and addresses', () => {
  fc.assert(
    fc.property(message, (m) => {
      const theirs = packet.decode(Buffer.from(encodeMessage(m)));
      expect(theirs.answers?.map((a) => a.name)).toEqual(m.answers.map((a) => a.name));
    }),
  );
});

test('we read what another codec writes', () => {
  const bytes = packet.encode({
    type: 'response',
    id: 7,
    flags: packet.RECURSION_DESIRED,
    questions: [{ type: 'SRV', name: '_http._tcp.web.shop.svc.cluster.local' }],
    answers: [
      {
        type: 'SRV',
        name: '_http._tcp.web.shop.svc.cluster.local',
        ttl: 5,
        data: { priority: 0, weight: 100, port: 80, target: 'web-0.web.shop.svc.cluster.local' },
      },
    ],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: 1232,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  });
  const decoded = decodeMessage(bytes);
  expect(decoded.answers[0]!.data).toMatchObject({ port: 80, target: 'web-0.web.shop.svc.cluster.local' });
  expect(decoded.edns?.udpBytes).toBe(1232);
});

test('arbitrary bytes give a message or an error, never anything else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        decodeMessage(bytes);
      } catch (error) {
        expect((error as Error).message).toMatch(/malformed DNS message/);
      }
    }),
    { numRuns: 2000 },
  );
});

describe('size limit', () => {
  const answers = Array.from(
    { length: 60 },
    (_, i): ResourceRecord => ({
      name: 'web.shop.svc.cluster.local',
      class: 1,
      ttl: 5,
      data: { type: recordTypes.A, ip: parseIp(`10.244.0.${i}`) },
    }),
  );
  const query = newQuery(1, { name: 'web.shop.svc.cluster.local', type: recordTypes.A });

  test('whole records are left out and the flag is set', () => {
    const bytes = encodeMessage(replyTo(query, { answers }), 512);
    expect(bytes.length).toBeLessThanOrEqual(512);
    const decoded = decodeMessage(bytes);
    expect(decoded.truncated).toBe(true);
    expect(decoded.answers.length).toBeGreaterThan(20);
  });

  test('the OPT record is kept', () => {
    const edns = { udpBytes: 1232, version: 0, dnssecOk: false, options: [] };
    const decoded = decodeMessage(encodeMessage(replyTo(query, { answers, edns }), 512));
    expect(decoded.edns).toEqual(edns);
  });
});

describe('compression pointers', () => {
  test.each([
    ['to itself', [0xc0, 0x00]],
    ['forward', [0xc0, 0x04, 0, 0, 1, 97, 0]],
    ['in a loop', [1, 97, 0xc0, 0x00]],
  ])('%s is refused', (_what, bytes) => {
    expect(() => decodeName(Uint8Array.from(bytes), bytes.length > 3 && bytes[0] === 1 ? 2 : 0)).toThrow(
      'malformed',
    );
  });

  test('names that share a suffix, letter by letter, share its bytes', () => {
    const reply = replyTo(newQuery(1, { name: 'WEB.example.org', type: 1 }), {
      answers: [
        { name: 'web.example.org', class: 1, ttl: 1, data: { type: recordTypes.A, ip: parseIp('10.0.0.1') } },
      ],
    });
    expect(encodeMessage(reply).length).toBe(12 + 17 + 4 + 6 + 10 + 4);
  });
});

test('bytes that are no letters are escaped and come back', () => {
  const odd = 'a\\.b\\\\c\\007.example';
  const query = newQuery(1, { name: odd, type: 1 });
  expect(decodeMessage(encodeMessage(query)).questions[0]!.name).toBe(odd);
});
