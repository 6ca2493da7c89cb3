/**
 * Mutated questions through the DNS program, by test run: a packet is passed on untouched, or becomes a well-formed
 * answer to the very question in it that is no longer than its asker takes.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DnsRig, edns, question } from '../../bpf/tests/dns-rig.ts';
import { decodeMessage } from '../../src/dns/message/message.ts';
import { formatIp, parseIp } from '../../src/net/ip.ts';
import { decodePacket } from '../../src/net/packet-decode.ts';

const numRuns = Number(process.env.FUZZ_RUNS ?? 20_000);
const names = [
  'web.shop.svc.cluster.local',
  'db.shop.svc.cluster.local',
  'nobody.cluster.local',
  'a.example.org',
];

let rig: DnsRig;
beforeAll(() => {
  rig = new DnsRig();
  rig.maps.set('web.shop.svc.cluster.local', { ips: [parseIp('10.96.0.7'), parseIp('fd00:96::7')] });
  const many = Array.from({ length: 16 }, (_, i) => [
    parseIp(`10.244.0.${i}`),
    parseIp(`fd00:244::${i + 1}`),
  ]);
  rig.maps.set('db.shop.svc.cluster.local', { ips: many.flat() });
});
afterAll(() => rig[Symbol.dispose]());

const message = fc
  .record({
    name: fc.oneof(
      fc.constantFrom(...names),
      fc.array(fc.constantFrom('a', 'svc', 'web', 'pod', 'x'.repeat(63)), { minLength: 1, maxLength: 3 }).map((labels) => [...labels, 'cluster.local'].join('.')), // biome-ignore format: one line
    ),
    type: fc.constantFrom(1, 28, 33, 255, 65_535),
    udpBytes: fc.option(fc.constantFrom(0, 512, 600, 1232, 65_535), { nil: undefined }),
  })
  .map(({ name, type, udpBytes }) =>
    question(name, type, udpBytes === undefined ? {} : edns(udpBytes, true)),
  );

const mutation = fc.record({ at: fc.nat(400), byte: fc.nat(255) });

it('answers questions or leaves them as they are', () => {
  fc.assert(
    fc.property(
      message,
      fc.constantFrom(4 as const, 6 as const),
      fc.array(mutation, { maxLength: 4 }),
      fc.option(fc.nat(400), { nil: undefined }),
      (asked, family, mutations, cut) => {
        const bytes = Buffer.from(rig.datagram(asked, family).bytes());
        for (const { at, byte } of mutations) if (at < bytes.length) bytes[at] = byte;
        // Shorter than that the kernel runs no program.
        const sent = cut === undefined ? bytes : bytes.subarray(0, Math.max(54, cut));
        const reply = rig.send(sent);
        if (reply !== undefined) expectAnswer(sent, reply);
      },
    ),
    { numRuns },
  );
}, 3_600_000);

function expectAnswer(
  sent: Uint8Array,
  { packet, message: answer, bytes }: NonNullable<ReturnType<DnsRig['ask']>>,
) {
  const ask = decodePacket(sent);
  const query = decodeMessage(ask.payload);
  expect(packet.ip!.checksumOk && packet.transport!.checksumOk).toBe(true);
  expect(formatIp(packet.ip!.dst)).toBe(formatIp(ask.ip!.src));
  expect(packet.transport).toMatchObject({ sport: ask.transport!.dport, dport: ask.transport!.sport });
  expect(answer).toMatchObject({
    id: query.id,
    response: true,
    questions: query.questions,
    truncated: false,
  });
  const limit = Math.min(1232, Math.max(512, query.edns?.udpBytes ?? 512));
  expect(packet.payload.length).toBeLessThanOrEqual(limit);
  expect(bytes.length).toBe((ask.ip!.src.family === 4 ? 42 : 62) + packet.payload.length);
}
