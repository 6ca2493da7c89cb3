/** Connections that kube-proxy translated before these programs came: they stay the kernel's. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PacketBuilder } from '../../src/net/packet.ts';
import { testService, testSlice } from '../../src/service/testing-objects.ts';
import { node, outside, PacketRig, pod } from './packet-rig.ts';

let rig: PacketRig;
const families = [4, 6] as const;
const protocols = ['TCP', 'UDP', 'SCTP'] as const;

beforeAll(async () => {
  rig = new PacketRig();
  const ports = protocols.map((protocol) => ({
    ...{ name: protocol.toLowerCase(), protocol, port: 80, nodePort: 30080 },
  }));
  rig.services.set(
    testService('web', { type: 'NodePort', clusterIPs: ['10.96.0.1', 'fd00:96::1'], ports: ports as never }),
  );
  for (const family of families)
    rig.slices.set(
      testSlice('web', {
        family,
        ports: protocols.map((protocol) => ({ name: protocol.toLowerCase(), protocol, port: 8080 })),
        endpoints: [{ ip: pod[family], node: 'here' }],
      }),
    );
  await rig.sync();
});
beforeEach(() => rig.forget());
afterAll(() => {
  rig.configure();
  rig.close();
});

describe.each(families)('IPv%i', (f) => {
  const toNodePort = (): PacketBuilder => rig.from('uplink').ip(outside[f], node[f]);
  const enter = (packet: PacketBuilder) => {
    const { text } = rig.send('host_ingress', packet);
    return text.includes(`> ${pod[f]}|8080 `)
      ? 'served'
      : text.includes(`> ${node[f]}|30080 `)
        ? 'left'
        : text;
  };
  const data = () => enter(toNodePort().tcp(4000, 30080, { flags: 'A' }).payload('data'));
  const chunk = () => enter(toNodePort().sctp(4000, 30080, { chunk: 'DATA' }).payload('data'));

  it('are left to the kernel while there are any, and begun anew when there are none', () => {
    rig.configure({ earlier: 1 });
    expect([data(), chunk()]).toEqual(['left', 'left']);
    rig.configure();
    expect([data(), chunk()]).toEqual(['served', 'served']);
  });

  it('keep no new one from its Service, nor from its backend', () => {
    rig.configure({ earlier: 1 });
    expect(enter(toNodePort().tcp(4000, 30080, { flags: 'S' }))).toBe('served');
    expect(data()).toBe('served');
    expect(enter(toNodePort().sctp(4001, 30080, { chunk: 'INIT' }).payload('x'))).toBe('served');
    expect(enter(toNodePort().udp(4000, 30080).payload('hello'))).toBe('served');
  });
});
