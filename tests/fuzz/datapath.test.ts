/**
 * Mutated packets through every packet hook, by test run: whatever comes in, the length that comes out is the
 * packet's own or an answer's, nothing but known fields changes, and what is passed on still sums up.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Hook, node, outside, PacketRig, pod, remotePod } from '../../bpf/tests/packet-rig.ts';
import { datagram, type PacketBuilder } from '../../src/net/packet.ts';
import { decodePacket } from '../../src/net/packet-decode.ts';
import { testService, testSlice } from '../../src/service/testing-objects.ts';

const numRuns = Number(process.env.FUZZ_RUNS ?? 4000);
const hooks = ['pod_ingress', 'pod_egress', 'host_ingress', 'host_egress'] as const;
const web = { 4: '10.96.0.1', 6: 'fd00:96::1' } as const;
const none = { 4: '10.96.0.2', 6: 'fd00:96::2' } as const;
/** An ICMP error is an IPv6 packet of the least MTU at most. */
const longestAnswer = 14 + 1280;

let rig: PacketRig;

beforeAll(async () => {
  rig = new PacketRig();
  for (const [name, ips, nodePort] of [
    ['web', web, 30080],
    ['none', none, 30081],
  ] as const) {
    const ports = (['TCP', 'UDP', 'SCTP'] as const).map((protocol) => ({
      name: protocol,
      port: 80,
      protocol,
      nodePort,
    }));
    const clusterIPs = [ips[4], ips[6]];
    rig.services.set(testService(name, { type: 'NodePort', clusterIP: ips[4], clusterIPs, ports }));
  }
  for (const family of [4, 6] as const) {
    const ports = ['TCP', 'UDP', 'SCTP'].map((protocol) => ({ name: protocol, port: 8080, protocol }));
    const endpoints = [
      { ip: remotePod[family], node: 'there' },
      { ip: pod[family], node: 'here' },
    ];
    rig.slices.set(testSlice('web', { family, ports, endpoints }));
  }
  await rig.sync();
});
beforeEach(() => rig.forget());
afterAll(() => rig.close());

/** Packets that reach deep: to Services, from backends, and errors about both. */
function seeds(f: 4 | 6): PacketBuilder[] {
  const extensions = ['hopByHop', 'destination', 'routing', 'destination'] as const;
  const ask = rig.from('pod').ip(pod[f], web[f]);
  const about = datagram().ip(pod[f], remotePod[f]);
  return [
    ask.tcp(4000, 80, { flags: 'S' }),
    ask.udp(4000, 80).payload('question'),
    ask.sctp(4000, 80, { chunk: 'INIT' }).payload('parameters'),
    rig.from('uplink').ip(outside[f], node[f]).sctp(4000, 30080, { chunk: 'INIT' }),
    rig.from('uplink').ip(outside[f], node[f]).sctp(4000, 30081, { chunk: 'INIT' }),
    rig.from('pod').ip(pod[f], none[f]).udp(4000, 80).payload('question'),
    rig.from('pod').ip(pod[f], none[f]).tcp(4000, 80, { flags: 'S' }),
    rig
      .from('pod')
      .ip(pod[f], web[f], f === 4 ? { options: new Uint8Array(40) } : { extensions: [...extensions] })
      .udp(4000, 80),
    rig
      .from('pod')
      .ip(pod[f], web[f], { fragment: { id: 5, offset: 0, more: true }, dontFragment: false })
      .udp(4000, 80),
    rig
      .from('pod')
      .ip(pod[f], web[f], { fragment: { id: 5, offset: 8, more: false }, dontFragment: false })
      .payload('rest-of-it'),
    rig.from('uplink').ip(outside[f], node[f]).tcp(4000, 30080, { flags: 'S' }),
    rig.from('uplink').ip(outside[f], node[f], { ttl: 1 }).udp(4000, 30080),
    rig.from('uplink').ip(remotePod[f], pod[f]).udp(8080, 4000),
    rig
      .from('pod')
      .ip(remotePod[f], pod[f])
      .icmp(f === 4 ? 3 : 1, 3)
      .quote(about.udp(4000, 8080).payload('question')),
    rig
      .from('pod')
      .ip(remotePod[f], pod[f])
      .icmp(f === 4 ? 11 : 3, 0)
      .quote(about.tcp(4000, 8080), f === 4 ? 28 : 48),
  ];
}

interface Mutation {
  at: number;
  value: number;
}

const mutations = fc.array(
  // Headers are what is read; most changes go there.
  fc.record({ at: fc.oneof({ weight: 5, arbitrary: fc.nat(79) }, fc.nat(160)), value: fc.nat(255) }),
  { maxLength: 4 },
);

function mutate(bytes: Uint8Array, changes: readonly Mutation[], cut: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  // The kernel itself reads the EtherType before it runs a program, and MAC addresses tell answers.
  for (const { at, value } of changes) if (at >= 14 && at < copy.length) copy[at] = value;
  return copy.subarray(0, Math.max(copy.length - cut, copy[12] === 8 ? 34 : 54));
}

/** Checks that hold for every packet. */
function judge(hook: Hook, input: Uint8Array): void {
  const out = rig.send(hook, input);
  if (out.verdict === 'drop') return;
  if (isAnswer(input, out.bytes)) {
    expect(out.verdict).toBe('redirect');
    expect(out.bytes.length).toBeLessThanOrEqual(longestAnswer);
    const answer = decodePacket(out.bytes);
    expect([answer.ip!.checksumOk, (answer.transport ?? answer.icmp)!.checksumOk]).toEqual([true, true]);
    return;
  }
  expect(out.bytes.length).toBe(input.length);
  if (summedUp(input)) expect([hook, summedUp(out.bytes)]).toEqual([hook, true]);
  // No length, no version, nothing behind the headers is anybody's to write.
  for (const at of [12, 13, 14, 16, 17, 18, 19]) expect(out.bytes[at]).toBe(input[at]);
}

/** It goes back to whom it came from. */
function isAnswer(input: Uint8Array, output: Uint8Array): boolean {
  return Buffer.from(output.subarray(0, 6)).equals(input.subarray(6, 12));
}

/** Whole, and every checksum right; a TCP checksum inside a quote is nobody's. */
function summedUp(bytes: Uint8Array): boolean {
  try {
    const { ip, transport, icmp } = decodePacket(bytes);
    if (ip === undefined || ip.fragment) return false;
    return ip.checksumOk && (transport?.checksumOk ?? true) && (icmp?.checksumOk ?? true);
  } catch {
    return false;
  }
}

describe.each([4, 6] as const)('IPv%i', (f) => {
  it('survives mutated packets', () => {
    const packets = seeds(f);
    const any = fc.tuple(fc.constantFrom(...hooks), fc.nat(packets.length - 1), mutations, fc.nat(40));
    fc.assert(
      fc.property(any, ([hook, seed, changes, cut]) => {
        // The connection that replies and errors belong to.
        rig.send('pod_ingress', packets[1]!);
        judge(hook, mutate(packets[seed]!.bytes(), changes, cut % 8 === 0 ? cut : 0));
      }),
      { numRuns },
    );
  });

  it('survives bytes that were never a packet', () => {
    const first = f === 4 ? [0x08, 0x00] : [0x86, 0xdd];
    fc.assert(
      fc.property(
        fc.constantFrom(...hooks),
        fc.uint8Array({ minLength: 54, maxLength: 200 }),
        (hook, bytes) => {
          bytes.set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ...first]);
          judge(hook, bytes);
        },
      ),
      { numRuns },
    );
  });
});
