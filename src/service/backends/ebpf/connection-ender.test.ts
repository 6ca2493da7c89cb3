import { beforeEach, describe, expect, test } from 'vitest';
import type { SocketEntry } from '../../../linux/sock-diag/sock-diag.ts';
import { parseIp } from '../../../net/ip.ts';
import { systemClock } from '../../../util/clock.ts';
import { silentLogger } from '../../../util/logger.ts';
import { ConnectionEnder } from './connection-ender.ts';
import { layouts } from './generated/layouts.ts';
import { indexKey } from './index-key.ts';
import { type TestDatapath, testDatapath } from './testing-datapath.ts';

const [served, deserted] = [7, 8];
const tcp = 6;
const udp = 17;
const gone = { namespace: 'default', name: 'gone', uid: 'u-gone', addresses: ['10.244.1.8'] };

let at: TestDatapath;
let ended: bigint[];
let isGone: (uid: string) => boolean;

beforeEach(() => {
  at = testDatapath();
  ended = [];
  isGone = () => true;
  at.map('backends').update(
    indexKey(served),
    layouts.backend.encode({ addr: parseIp('10.244.1.7'), port: 80, proto: tcp, generation: 1 }),
  );
});

/** A socket that chose a backend once. */
function remember(cookie: bigint, ip: string, proto: number, chosen: number, generation = 1): void {
  at.map(proto === udp ? 'flows' : 'peers').update(
    layouts.peerKey.encode({ cookie, addr: parseIp(ip), port: 80, proto, forward: 0 }),
    layouts.peer.encode({ addr: parseIp('10.96.0.1'), port: 80, backendId: chosen, generation }),
  );
}

async function end(options: {
  departed?: boolean;
  /** Addresses of a pod whose network is no more. */
  gone?: readonly string[];
  sockets: readonly Partial<SocketEntry>[];
}): Promise<bigint[]> {
  const ender = new ConnectionEnder({
    map: (name) => at.map(name),
    podNamespaces: () => ['/pod'],
    openSockets: (path) => ({
      list: (protocol) =>
        (path === undefined ? [] : options.sockets).map((socket) => ({
          remote: { ip: parseIp('10.244.1.8'), port: 80 },
          ...socket,
          protocol,
        })) as SocketEntry[],
      destroy: ({ cookie }) => ended.push(cookie) > 0,
      [Symbol.dispose]: () => {},
    }),
    isGone: async ({ uid }) => isGone(uid),
    logger: silentLogger,
    clock: systemClock,
  });
  if (options.departed) {
    ender.podDeparted(gone);
    ender.podDeparted({ ...gone, addresses: ['fd00::8'] });
  }
  if (options.gone) ender.podGone('a/eth0', options.gone);
  else ender.backendsRemoved();
  await ender.idle();
  await ender.stop();
  return ended;
}

describe('UDP', () => {
  test('a connected socket is ended once its backend no longer serves', async () => {
    remember(1n, '10.244.1.7', udp, served);
    remember(2n, '10.244.1.8', udp, deserted);
    remember(3n, '10.244.1.7', udp, served, 2);
    expect(await end({ sockets: [{ cookie: 1n }, { cookie: 2n }, { cookie: 3n }] })).toEqual([2n, 3n]);
  });

  test('one that is not connected is left alone: its next datagram goes elsewhere', async () => {
    remember(2n, '10.244.1.8', udp, deserted);
    const unconnected = { cookie: 2n, remote: { ip: parseIp('0.0.0.0'), port: 0 } };
    expect(await end({ sockets: [unconnected] })).toEqual([]);
  });
});

describe.each(['10.244.1.8', 'fd00::8'])('TCP to %s', (ip) => {
  const sockets = [{ cookie: 2n, remote: { ip: parseIp(ip), port: 80 } }];
  beforeEach(() => remember(2n, ip, tcp, deserted));

  test('stays while the pod is, whatever its readiness', async () => {
    isGone = () => false;
    expect(await end({ departed: true, sockets })).toEqual([]);
    expect(await end({ sockets })).toEqual([]);
  });

  test('is ended once the pod is gone', async () => {
    expect(await end({ departed: true, sockets })).toEqual([2n]);
  });

  test('is ended where the pod’s network is gone, and nobody is asked', async () => {
    isGone = () => {
      throw new Error('nobody is there');
    };
    expect(await end({ gone: [ip], sockets })).toEqual([2n]);
  });

  test('asks nobody about a pod that nothing here talks to', async () => {
    let asked = 0;
    isGone = () => ++asked > 0;
    at.map('peers').delete([...at.map('peers').entries()][0]![0]);
    expect(await end({ departed: true, sockets })).toEqual([]);
    expect(asked).toBe(0);
  });

  test('is not ended where another backend of that address serves', async () => {
    remember(2n, ip, tcp, served);
    expect(await end({ departed: true, sockets })).toEqual([]);
  });

  test('a translated connection is forgotten, so that its client learns of it', async () => {
    const client = parseIp(ip.includes(':') ? '2001:db8::1' : '192.0.2.1');
    const tuple = { src: client, dst: parseIp(ip), sport: 4000, dport: 30080, proto: tcp };
    const entry = { version: 1, backendId: deserted, backendGeneration: 1, newSrc: client, newSport: 4000 };
    const value = layouts.conntrackEntry.encode({ ...entry, newDst: parseIp(ip), newDport: 80 });
    at.map('conntrack').update(layouts.tuple.encode(tuple), value);
    await end({ sockets: [] });
    expect(at.map('conntrack').lookup(layouts.tuple.encode(tuple))).toBeDefined();
    await end({ departed: true, sockets: [] });
    expect(at.map('conntrack').lookup(layouts.tuple.encode(tuple))).toBeUndefined();
  });
});
