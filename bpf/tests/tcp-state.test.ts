/** What a TCP connection's packets tell of its state, and what those of strangers do not. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TcpOptions } from '../../src/net/packet.ts';
import { decodePacket } from '../../src/net/packet-decode.ts';
import { idleLimit } from '../../src/service/backends/ebpf/conntrack-gc.ts';
import { conntrackFlags } from '../../src/service/backends/ebpf/generated/layouts.ts';
import { testService, testSlice } from '../../src/service/testing-objects.ts';
import { node, outside, PacketRig, pod, remotePod } from './packet-rig.ts';

const families = [4, 6] as const;
const clusterIp = { 4: '10.96.0.1', 6: 'fd00:96::1' } as const;
const otherPod = { 4: '10.244.2.3', 6: 'fd00:244:2::3' } as const;
/** Where both sides begin: the server's numbers wrap around soon. */
const client = 1000;
const server = 0xffff_fff0;

let rig: PacketRig;

async function serve(backend: Readonly<Record<4 | 6, string>>, where = 'there'): Promise<void> {
  const ports = [{ port: 80, nodePort: 30080 }];
  rig.services.set(testService('web', { type: 'NodePort', clusterIPs: [clusterIp[4], clusterIp[6]], ports }));
  for (const family of families) {
    const endpoints = [{ ip: backend[family], node: where }];
    rig.slices.set(testSlice('web', { family, ports: [{ port: 8080 }], endpoints }));
  }
  await rig.sync();
}

beforeAll(() => {
  rig = new PacketRig();
});
beforeEach(async () => {
  rig.forget();
  await serve(remotePod);
});
afterAll(() => rig?.close());

describe.each(families)('IPv%i', (f) => {
  let sport: number;

  /** Both tell where the packet went. */
  const fromClient = (options: TcpOptions, payload = '') => {
    const packet = rig.from('uplink').ip(outside[f], node[f]).tcp(4000, 30080, options).payload(payload);
    const out = decodePacket(rig.send('host_ingress', packet).bytes);
    sport = out.transport!.sport;
    return rig.connections().length;
  };
  const fromServer = (options: TcpOptions, payload = '') => {
    const packet = rig.from('uplink').ip(remotePod[f], node[f]).tcp(8080, sport, options).payload(payload);
    return rig.send('host_ingress', packet).verdict;
  };
  const establish = () => {
    fromClient({ flags: 'S', seq: client });
    fromServer({ flags: 'SA', seq: server, ack: client + 1 });
    fromClient({ flags: 'A', seq: client + 1, ack: server + 1 });
    fromClient({ flags: 'PA', seq: client + 1, ack: server + 1 }, 'x'.repeat(100));
    fromServer({ flags: 'A', seq: server + 1, ack: client + 101 });
    fromServer({ flags: 'PA', seq: server + 1, ack: client + 101 }, 'y'.repeat(100));
    fromClient({ flags: 'A', seq: client + 101, ack: (server + 101) >>> 0 });
  };
  /** For how long, in seconds, the connection is kept while it is silent. */
  const kept = () => {
    const entries = rig.connections().map(({ entry }) => entry);
    const isReply = ({ flags }: { flags: number }) => (flags & conntrackFlags.CONNTRACK_REPLY) !== 0;
    return Number(idleLimit(6, entries.find((e) => !isReply(e))!, entries.find(isReply))) / 1e9;
  };
  const backendOf = () => {
    const packet = rig.from('uplink').ip(outside[f], node[f]).tcp(4000, 30080, { flags: 'S', seq: 77 });
    return rig.send('host_ingress', packet).text;
  };
  const established = 86_400;
  const half = 3600;
  const closed = 60;

  const sides = {
    client: { send: fromClient, stands: client + 101, peer: (server + 101) >>> 0 },
    server: { send: fromServer, stands: (server + 101) >>> 0, peer: client + 101 },
  };

  describe.each(Object.entries(sides))('a RST of the %s', (_, { send, stands, peer }) => {
    beforeEach(establish);

    it('where the other side stands ends the connection', () => {
      expect(kept()).toBe(established);
      send({ flags: 'R', seq: stands });
      expect(kept()).toBe(closed);
    });

    it.each([-1, -100, 2 ** 20, 2 ** 31, 2 ** 31 + 5, 0xffff_0000])('%i off is nobody’s', (off) => {
      for (const flags of ['R', 'RA']) send({ flags, seq: (stands + off) >>> 0, ack: peer });
      expect(kept()).toBe(established);
    });

    it.each([1, 1000, 2 ** 20 - 1])('%i ahead may end it; what the same side sends then tells', (off) => {
      send({ flags: 'R', seq: (stands + off) >>> 0 });
      expect(kept()).toBe(half);
      send({ flags: 'RA', seq: (stands + off) >>> 0, ack: (peer + 1) >>> 0 });
      expect(kept()).toBe(half);
      send({ flags: 'A', seq: stands, ack: peer });
      expect(kept()).toBe(established);
    });

    it('behind data still under way ends it, if it knows where the other side is', () => {
      send({ flags: 'PA', seq: stands, ack: peer }, 'z'.repeat(500));
      send({ flags: 'RA', seq: (stands + 500) >>> 0, ack: peer });
      expect(kept()).toBe(closed);
    });
  });

  it('acknowledgements under way do not undo a RST, and its sender’s own packets do', () => {
    establish();
    fromServer({ flags: 'R', seq: (server + 101) >>> 0 });
    fromClient({ flags: 'A', seq: client + 101, ack: (server + 101) >>> 0 });
    expect(kept()).toBe(closed);
    fromServer({ flags: 'A', seq: (server + 101) >>> 0, ack: client + 101 });
    expect(kept()).toBe(established);
  });

  it('a refusal ends what it refuses: nothing was acknowledged yet', () => {
    fromClient({ flags: 'S', seq: client });
    fromServer({ flags: 'RA', seq: 0, ack: client + 1 });
    expect(kept()).toBe(closed);
  });

  it('a connection that was taken over from an earlier version is ended by any RST', () => {
    establish();
    for (const [key, value] of rig.map('conntrack').entries())
      rig.map('conntrack').update(key, value.fill(0, value.length - 16));
    fromServer({ flags: 'R', seq: 4711 });
    expect(kept()).toBe(closed);
  });

  describe('a SYN', () => {
    it('on an established connection goes where that goes and changes nothing, also when its backend serves no more', async () => {
      establish();
      const port = sport;
      fromClient({ flags: 'S', seq: 77 });
      expect([sport, kept()]).toEqual([port, established]);
      await serve(otherPod);
      expect(backendOf()).toContain(`${node[f]}|${port} > ${remotePod[f]}|8080`);
      expect(kept()).toBe(established);
      fromClient({ flags: 'A', seq: client + 101, ack: (server + 101) >>> 0 });
      fromServer({ flags: 'R', seq: 0x4000_0000 });
      expect([sport, kept()]).toEqual([port, established]);
    });

    it('after the answer to it, a challenge, was reset by the client begins anew', () => {
      establish();
      fromClient({ flags: 'S', seq: 77 });
      fromServer({ flags: 'A', seq: (server + 101) >>> 0, ack: client + 101 });
      fromClient({ flags: 'R', seq: client + 101 });
      expect(kept()).toBe(closed);
      fromClient({ flags: 'S', seq: 77 });
      fromServer({ flags: 'SA', seq: 5, ack: 78 });
      fromClient({ flags: 'A', seq: 78, ack: 6 });
      expect([rig.connections().length, kept()]).toEqual([2, established]);
    });

    it('that was never answered chooses anew once its backend serves no more', async () => {
      fromClient({ flags: 'S', seq: client });
      await serve(otherPod);
      expect(backendOf()).toContain(`> ${otherPod[f]}|8080`);
      expect(rig.connections()).toHaveLength(2);
    });

    it('after both sides closed begins anew, where its backend is now', async () => {
      establish();
      fromClient({ flags: 'FA', seq: client + 101, ack: (server + 101) >>> 0 });
      fromServer({ flags: 'FA', seq: (server + 101) >>> 0, ack: client + 102 });
      await serve(otherPod);
      expect(backendOf()).toContain(`> ${otherPod[f]}|8080`);
      expect(rig.connections()).toHaveLength(2);
    });
  });

  describe('a pod of the node, whose client keeps its address', () => {
    const byService = (options: TcpOptions) =>
      rig.send('host_ingress', rig.from('uplink').ip(outside[f], node[f]).tcp(4000, 30080, options)).text;
    const fromPod = (options: TcpOptions) =>
      rig.send('pod_ingress', rig.from('pod').ip(pod[f], outside[f]).tcp(8080, 4000, options)).text;
    const asService = `${node[f]}|30080 > ${outside[f]}|4000`;
    const asItself = `${pod[f]}|8080 > ${outside[f]}|4000`;

    beforeEach(async () => {
      await serve(pod, 'here');
      byService({ flags: 'S', seq: client });
      expect(fromPod({ flags: 'SA', seq: server, ack: client + 1 })).toContain(asService);
      byService({ flags: 'A', seq: client + 1, ack: server + 1 });
    });

    it('accepts by its own name what the client begins with it from the port of a connection that is over', () => {
      byService({ flags: 'FA', seq: client + 1, ack: server + 1 });
      expect(fromPod({ flags: 'FA', seq: server + 1, ack: client + 2 })).toContain(asService);
      expect(fromPod({ flags: 'SA', seq: 5, ack: 78 })).toContain(asItself);
      expect(fromPod({ flags: 'A', seq: 6, ack: 100 })).toContain(asItself);
      expect(rig.connections()).toHaveLength(0);
    });

    it('accepts by the Service’s name what begins by it again', () => {
      byService({ flags: 'FA', seq: client + 1, ack: server + 1 });
      fromPod({ flags: 'FA', seq: server + 1, ack: client + 2 });
      byService({ flags: 'S', seq: 77 });
      expect(fromPod({ flags: 'SA', seq: 5, ack: 78 })).toContain(asService);
    });

    it('has its answer sent again by the Service’s name while the connection goes on', () => {
      expect(fromPod({ flags: 'SA', seq: server, ack: client + 1 })).toContain(asService);
      byService({ flags: 'FA', seq: client + 1, ack: server + 1 });
      expect(fromPod({ flags: 'SA', seq: server, ack: client + 1 })).toContain(asService);
    });
  });
});
