import { describe, expect, it, test } from 'vitest';
import { FakeMap } from '../../../linux/bpf/fake-bpf.ts';
import { parseIp } from '../../../net/ip.ts';
import { TimeSlice } from '../../../util/time-slice.ts';
import { collectFlows, idleLimit } from './flows.ts';
import { layouts, type PolicyFlow, conntrackSeen as seen } from './generated/layouts.ts';

const [tcp, udp, icmp, sctp] = [6, 17, 1, 132];
const { SEEN_SYN: syn, SEEN_ACK: ack, SEEN_FIN: fin, SEEN_RST: rst } = seen;
const flow = (here: number, there: number, answered: number) => ({
  seen: Uint8Array.of(here, there),
  answered,
});
const seconds = (proto: number, of: Pick<PolicyFlow, 'seen' | 'answered'>, crowded?: boolean) =>
  Number(idleLimit(proto, of, crowded)) / 1e9;

describe('a silent connection is remembered', () => {
  it.each([
    ['a day, while it is open', tcp, flow(syn | ack, syn | ack, 2), 86_400],
    ['two minutes, while it is not', tcp, flow(syn, 0, 0), 120],
    ['an hour, when one side has closed it', tcp, flow(syn | ack | fin, syn | ack, 2), 3600],
    ['a minute, when both have', tcp, flow(syn | ack | fin, syn | ack | fin, 2), 60],
    ['a minute, when one has reset it', tcp, flow(syn | ack, syn | ack | rst, 2), 60],
    ['half a minute, for a question and its answer', udp, flow(0, 0, 1), 30],
    ['two minutes, when both sides go on', udp, flow(0, 0, 2), 120],
    ['half a minute, for an echo', icmp, flow(0, 0, 1), 30],
    ['as long as its heartbeat takes', sctp, flow(syn | ack, syn | ack, 2), 210],
  ])('%s', (_, proto, of, limit) => expect(seconds(proto, of)).toBe(limit));

  it('three seconds, where room is scarce and nobody has answered', () => {
    expect(seconds(udp, flow(0, 0, 0), true)).toBe(3);
    expect(seconds(tcp, flow(syn, 0, 0), true)).toBe(3);
    expect(seconds(tcp, flow(syn | ack, syn | ack, 1), true)).toBe(86_400);
  });
});

test('what is over goes, and the rest is counted', async () => {
  const [keySize, valueSize] = [layouts.tuple.size, layouts.policyFlow.size];
  const map = new FakeMap({ name: 'policy_flows', keySize, valueSize, maxEntries: 4 });
  const put = (sport: number, lastSeen: bigint) =>
    map.update(
      layouts.tuple.encode({
        src: parseIp('10.0.0.1'),
        dst: parseIp('10.0.0.2'),
        sport,
        dport: 53,
        proto: udp,
      }),
      layouts.policyFlow.encode({ lastSeen, ...flow(0, 0, 1) }),
    );
  const now = 100n * 1_000_000_000n;
  put(1, now - 31n * 1_000_000_000n);
  put(2, now - 29n * 1_000_000_000n);
  expect(await collectFlows(map, { now, crowded: false }, new TimeSlice())).toBe(1);
  expect([...map.entries()].map(([key]) => layouts.tuple.decode(key).sport)).toEqual([2]);
});
