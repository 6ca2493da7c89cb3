/** What becomes of packets where a map of the kernel has no room. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testService, testSlice } from '../../src/service/testing-objects.ts';
import { node, outside, PacketRig, remotePod } from './packet-rig.ts';

const families = [4, 6] as const;
let rig: PacketRig;

beforeAll(async () => {
  rig = new PacketRig();
  const ports = [{ port: 80, nodePort: 30080 }] as never;
  rig.services.set(testService('web', { type: 'NodePort', clusterIPs: ['10.96.0.1', 'fd00:96::1'], ports }));
  for (const family of families) {
    const endpoints = [{ ip: remotePod[family], node: 'there' }];
    rig.slices.set(testSlice('web', { family, ports: [{ port: 8080 }], endpoints }));
  }
  await rig.sync();
  rig.resize({ conntrack: 8 });
});
afterAll(() => rig?.close());

it.each(families)(
  'conntrack, IPv%i: established connections go on, new ones are dropped, and it heals',
  (f) => {
    const send = (sport: number, flags: string) =>
      rig.send('host_ingress', rig.from('uplink').ip(outside[f], node[f]).tcp(sport, 30080, { flags })).text;
    const served = expect.stringContaining(`> ${remotePod[f]}|8080`);
    rig.forget();
    for (const sport of [4001, 4002, 4003, 4004]) expect(send(sport, 'S')).toEqual(served);
    expect([send(4005, 'S'), send(4006, 'S')]).toEqual(Array(2).fill('dropped: conntrack full'));
    // Nothing is left of what found no room: half a connection would keep others out.
    expect([...rig.map('conntrack').entries()]).toHaveLength(8);
    for (const sport of [4001, 4004]) expect(send(sport, 'A')).toEqual(served);
    rig.forget();
    expect(send(4005, 'S')).toEqual(served);
  },
);
