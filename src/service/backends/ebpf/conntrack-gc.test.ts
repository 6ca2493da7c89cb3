import { describe, expect, it } from 'vitest';
import { parseIp } from '../../../net/ip.ts';
import type { TimeSlice } from '../../../util/time-slice.ts';
import { collectConntrack, idleLimit, isUnsure } from './conntrack-gc.ts';
import { conntrackFlags, conntrackSeen, layouts } from './generated/layouts.ts';
import { testDatapath } from './testing-datapath.ts';

const second = 1_000_000_000n;
const { SEEN_SYN, SEEN_ACK, SEEN_FIN, SEEN_RST, SEEN_RST_NEAR } = conntrackSeen;

describe('how long a connection may be idle', () => {
  const open = SEEN_SYN | SEEN_ACK;
  it.each([
    ['TCP, only a SYN', 6, SEEN_SYN, undefined, 60],
    ['TCP, established', 6, open, open, 86_400],
    ['TCP, one side closed', 6, open | SEEN_FIN, open, 3600],
    ['TCP, both closed', 6, open | SEEN_FIN, open | SEEN_FIN, 60],
    ['TCP, reset', 6, open, open | SEEN_RST, 60],
    ['TCP, perhaps reset', 6, open | SEEN_RST_NEAR, open, 3600],
    ['UDP, unanswered', 17, 0, undefined, 30],
    ['UDP, answered', 17, 0, 0, 120],
    ['SCTP, only an INIT', 132, SEEN_SYN, undefined, 3],
    ['SCTP, its INIT answered', 132, SEEN_SYN, SEEN_SYN | SEEN_ACK, 3],
    ['SCTP, established', 132, open, open, 210],
    ['SCTP, shut down by one side', 132, open | SEEN_FIN, open, 3],
    ['SCTP, shut down', 132, open | SEEN_FIN | SEEN_RST, open | SEEN_FIN, 10],
    ['SCTP, aborted', 132, open, open | SEEN_RST, 10],
  ])('%s', (_, proto, here, there, seconds) => {
    const forward = { seen: here, packets: 1n, lastSeen: 0n };
    const reply = there === undefined ? undefined : { seen: there, packets: 1n, lastSeen: 0n };
    expect(idleLimit(proto, forward, reply)).toBe(BigInt(seconds) * second);
  });
});

describe('a connection whose backend answers the client itself', () => {
  const open = SEEN_SYN | SEEN_ACK;
  it.each([
    ['TCP, only a SYN', 6, SEEN_SYN, 0n, 60],
    ['TCP, a SYN sent again', 6, SEEN_SYN, 3n, 60],
    ['TCP, established', 6, open, 2n, 86_400],
    ['TCP, the client has closed', 6, open | SEEN_FIN, 5n, 120],
    ['TCP, the client has reset it', 6, open | SEEN_RST, 5n, 60],
    ['UDP, one datagram', 17, 0, 0n, 30],
    ['UDP, the client goes on', 17, 0, 1n, 120],
    ['SCTP, only an INIT', 132, SEEN_SYN, 0n, 3],
    ['SCTP, established', 132, open, 2n, 210],
  ])('is judged by the client alone: %s', async (_, proto, seen, packets, seconds) => {
    const at = testDatapath();
    const key = layouts.tuple.encode({
      ...{ src: parseIp('192.0.2.1'), dst: parseIp('10.9.0.1'), sport: 4000, dport: 30080, proto },
    });
    const flags = conntrackFlags.CONNTRACK_DSR | conntrackFlags.CONNTRACK_REDIRECT;
    const born = 1000n * second;
    at.map('conntrack').update(
      key,
      layouts.conntrackEntry.encode({ version: 1, flags, seen, packets, lastSeen: born }),
    );
    const limit = BigInt(seconds) * second;
    expect(await collectConntrack(at.map('conntrack'), { now: born + limit })).toBe(1);
    expect(await collectConntrack(at.map('conntrack'), { now: born + limit + 1n })).toBe(0);
    expect(at.map('conntrack').lookup(key)).toBeUndefined();
  });
});

describe('what goes first where there is no room', () => {
  const open = SEEN_SYN | SEEN_ACK;
  it.each([
    ['TCP, only a SYN', 6, SEEN_SYN, 0n, undefined, true],
    ['TCP, answered, but not by the client', 6, SEEN_SYN, 0n, 1n, true],
    ['TCP, a stray segment', 6, SEEN_ACK, 3n, 0n, true],
    ['TCP, established', 6, open, 1n, 1n, false],
    ['UDP, unanswered', 17, 0, 9n, undefined, true],
    ['UDP, a question and its answer', 17, 0, 0n, 1n, true],
    ['UDP, both go on', 17, 0, 1n, 1n, false],
    ['SCTP, established', 132, open, 1n, 1n, false],
  ])('%s', (_, proto, seen, sent, answered, expected) => {
    const forward = { seen, packets: sent, lastSeen: 0n };
    const reply = answered === undefined ? undefined : { seen: open, packets: answered, lastSeen: 0n };
    expect(isUnsure(proto, forward, reply)).toBe(expected);
  });
});

describe('collecting', () => {
  const [client, frontend, backend] = ['192.0.2.1', '10.9.0.1', '10.244.1.2'].map(parseIp) as [Ip, Ip, Ip];
  type Ip = ReturnType<typeof parseIp>;

  function add(
    at: ReturnType<typeof testDatapath>,
    sport: number,
    lastSeen: bigint,
    replySeen = lastSeen,
    packets = 1n,
  ): void {
    const entry = { version: 1, packets };
    at.map('conntrack').update(
      layouts.tuple.encode({ src: client, dst: frontend, sport, dport: 30080, proto: 17 }),
      layouts.conntrackEntry.encode({
        ...entry,
        lastSeen,
        newSrc: client,
        newSport: sport,
        newDst: backend,
        newDport: 53,
      }),
    );
    at.map('conntrack').update(
      layouts.tuple.encode({ src: backend, dst: client, sport: 53, dport: sport, proto: 17 }),
      layouts.conntrackEntry.encode({
        ...entry,
        lastSeen: replySeen,
        flags: conntrackFlags.CONNTRACK_REPLY,
        newSrc: frontend,
        newSport: 30080,
        newDst: client,
        newDport: sport,
      }),
    );
  }

  it('removes both sides of what is idle, and judges by the side that spoke last', async () => {
    const at = testDatapath();
    add(at, 1000, 0n);
    add(at, 1001, 0n, 990n * second);
    add(at, 1002, 999n * second);
    await collectConntrack(at.map('conntrack'), { now: 1000n * second });
    const left = [...at.map('conntrack').entries()].map(([key]) => layouts.tuple.decode(key));
    expect(left.filter((tuple) => tuple.dport === 30080).map((tuple) => tuple.sport)).toEqual([1001, 1002]);
    expect(left).toHaveLength(4);
  });

  it('without room removes what is unsure after 3 s, and nothing else before its time', async () => {
    const at = testDatapath();
    add(at, 1000, 997n * second, undefined, 0n);
    add(at, 1001, 996n * second, undefined, 0n);
    add(at, 1002, 996n * second);
    const walk = { now: 1000n * second };
    expect(await collectConntrack(at.map('conntrack'), walk)).toBe(6);
    expect(await collectConntrack(at.map('conntrack'), { ...walk, full: true })).toBe(4);
    const left = [...at.map('conntrack').entries()].map(([key]) => layouts.tuple.decode(key));
    expect(left.filter((tuple) => tuple.dport === 30080).map((tuple) => tuple.sport)).toEqual([1000, 1002]);
  });

  it('leaves a connection alone that began on an ended one’s tuple since it was read', async () => {
    const at = testDatapath();
    const map = at.map('conntrack');
    add(at, 1000, 0n);
    add(at, 1001, 0n);
    const keys = [...map.entries()].map(([key]) => key);
    let reused = false;
    const reuse = () => {
      if (reused) return undefined;
      reused = true;
      for (const key of keys) map.delete(key);
      map.update(keys[2]!, layouts.conntrackEntry.encode({ lastSeen: 999n * second, newDst: client }));
      return undefined;
    };
    await collectConntrack(map, { now: 1000n * second }, { breathe: reuse } as unknown as TimeSlice);
    expect([...map.entries()].map(([key]) => key)).toEqual([keys[2]]);
  });

  it('finds the sides of a connection that another node sent here', async () => {
    const at = testDatapath();
    const map = at.map('conntrack');
    const common = { version: 1, packets: 1n, lastSeen: 1000n * second };
    const { CONNTRACK_DIRECT, CONNTRACK_REPLY } = conntrackFlags;
    map.update(
      layouts.tuple.encode({ src: client, dst: backend, sport: 4000, dport: 53, proto: 17 }),
      layouts.conntrackEntry.encode({
        ...{ ...common, flags: CONNTRACK_DIRECT },
        ...{ newSrc: client, newSport: 4000, newDst: backend, newDport: 53 },
      }),
    );
    map.update(
      layouts.tuple.encode({ src: backend, dst: client, sport: 53, dport: 4000, proto: 17 }),
      layouts.conntrackEntry.encode({
        ...{ ...common, flags: CONNTRACK_DIRECT | CONNTRACK_REPLY },
        ...{ newSrc: frontend, newSport: 30080, newDst: client, newDport: 4000 },
      }),
    );
    expect(await collectConntrack(map, { now: 1100n * second })).toBe(2);
    await collectConntrack(map, { now: 1121n * second });
    expect([...map.entries()]).toEqual([]);
  });
});
