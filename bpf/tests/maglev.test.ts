/** Maglev in the kernel: which backend a client's connection finds, on this node and on any other. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { formatIp } from '../../src/net/ip.ts';
import { decodePacket } from '../../src/net/packet-decode.ts';
import { testService, testSlice } from '../../src/service/testing-objects.ts';
import { node, outside, PacketRig } from './packet-rig.ts';

const families = [4, 6] as const;
type Family = (typeof families)[number];
const members = {
  4: Array.from({ length: 6 }, (_, i) => `10.244.2.${i + 11}`),
  6: Array.from({ length: 6 }, (_, i) => `fd00:244:2::${i + 11}`),
};

let one: PacketRig;
let other: PacketRig;

async function serve(rig: PacketRig, f: Family, ips: readonly string[], spec: object = {}): Promise<void> {
  const ports = [{ port: 80, nodePort: 30080 }] as never;
  const clusterIPs = ['10.96.0.1', 'fd00:96::1'];
  const service = testService('hashed', { type: 'NodePort', clusterIPs, ports, ...spec });
  const annotations = { 'tendril.dev/service-balancing': 'maglev' };
  rig.services.set({ ...service, metadata: { ...service.metadata, annotations } });
  const endpoints = ips.map((ip) => ({ ip, node: 'there' }));
  rig.slices.set(testSlice('hashed', { family: f, ports: [{ port: 8080 }], endpoints }));
  await rig.sync();
}

beforeAll(() => {
  one = new PacketRig();
  other = new PacketRig();
});
beforeEach(() => {
  for (const rig of [one, other]) rig.forget();
});
afterAll(() => {
  one?.close();
  other?.close();
});

/** The backend of a new connection to the NodePort. */
function connect(rig: PacketRig, f: Family, sport: number, client: string = outside[f]): string {
  const syn = rig.from('uplink').ip(client, node[f]).tcp(sport, 30080, { flags: 'S' });
  return formatIp(decodePacket(rig.send('host_ingress', syn).bytes).ip!.dst);
}

const sports = Array.from({ length: 300 }, (_, i) => 20_000 + i);

describe.each(families)('IPv%i', (f) => {
  it('a connection that another node gets, or that was forgotten, finds the same backend', async () => {
    await serve(one, f, members[f]);
    await serve(other, f, [...members[f].slice(3), ...members[f].slice(0, 3)]);
    const chosen = sports.map((sport) => connect(one, f, sport));
    expect([...new Set(chosen)].sort()).toEqual(members[f]);
    expect(sports.map((sport) => connect(other, f, sport))).toEqual(chosen);
    one.forget();
    expect(sports.map((sport) => connect(one, f, sport))).toEqual(chosen);
  });

  it('when a backend goes few others’ connections would move', async () => {
    await serve(one, f, members[f]);
    const before = sports.map((sport) => connect(one, f, sport));
    one.forget();
    await serve(one, f, members[f].slice(1));
    const after = sports.map((sport) => connect(one, f, sport));
    const kept = before.filter((backend) => backend !== members[f][0]).length;
    const moved = before.filter((backend, i) => backend !== members[f][0] && backend !== after[i]).length;
    expect(after).not.toContain(members[f][0]);
    expect(moved / kept).toBeLessThan(0.2);
  });

  it('with session affinity it is the client’s address that counts', async () => {
    const spec = { sessionAffinity: 'ClientIP' };
    await serve(one, f, members[f], spec);
    await serve(other, f, [...members[f]].reverse(), spec);
    const clients = Array.from({ length: 60 }, (_, i) =>
      f === 4 ? `192.0.2.${i + 1}` : `2001:db8::${i + 1}`,
    );
    const chosen = clients.map((client, i) => connect(one, f, 30_000 + i, client));
    expect(new Set(chosen).size).toBe(6);
    expect(clients.map((client, i) => connect(one, f, 40_000 + i, client))).toEqual(chosen);
    expect(clients.map((client, i) => connect(other, f, 50_000 + i, client))).toEqual(chosen);
  });
});
