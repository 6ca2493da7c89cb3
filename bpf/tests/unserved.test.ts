/** What goes to Services' addresses and to no Service: refused, or dropped in silence; it never leaves the node. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { datagram, type PacketBuilder } from '../../src/net/packet.ts';
import { testService, testSlice } from '../../src/service/testing-objects.ts';
import { type Hook, node, outside, PacketRig, pod, remotePod } from './packet-rig.ts';

const families = [4, 6] as const;
const web = { 4: '10.96.0.1', 6: 'fd00:96::1' } as const;
const foreign = { 4: '10.96.0.2', 6: 'fd00:96::2' } as const;
const nobody = { 4: '10.96.0.77', 6: 'fd00:96::77' } as const;
const beside = { 4: '10.97.0.1', 6: 'fd00:96::1:1' } as const;

let rig: PacketRig;

beforeAll(async () => {
  rig = new PacketRig();
  const ports = [{ port: 80 }];
  rig.services.set(testService('web', { clusterIPs: [web[4], web[6]], ports }));
  const label = { 'service.kubernetes.io/service-proxy-name': 'other' };
  rig.services.set(testService('foreign', { clusterIPs: [foreign[4], foreign[6]], ports }, label));
  for (const family of families) {
    const endpoints = [{ ip: remotePod[family], node: 'there' }];
    rig.slices.set(testSlice('web', { family, ports: [{ port: 8080 }], endpoints }));
  }
  await rig.sync();
});
beforeEach(() => rig.forget());
afterAll(() => rig?.close());

describe.each(families)('IPv%i', (f) => {
  const icmp = f === 4 ? 'icmp 3/3' : 'icmpv6 1/4';
  const [echo, echoReply] = f === 4 ? [8, 0] : [128, 129];

  const senders: [Hook, (to: string) => PacketBuilder, string][] = [
    ['pod_ingress', (to) => rig.from('pod').ip(pod[f], to), pod[f]],
    ['host_ingress', (to) => rig.from('uplink').ip(outside[f], to), outside[f]],
    ['host_egress', (to) => rig.from('uplink').ip(node[f], to), node[f]],
  ];

  describe.each(senders)('at %s', (hook, to, sender) => {
    const send = (builder: PacketBuilder) => rig.send(hook, builder);
    const untouched = (builder: PacketBuilder) => {
      const out = send(builder);
      expect(out.verdict).toBe('pass');
      expect(Buffer.from(out.bytes)).toEqual(Buffer.from(builder.bytes()));
    };
    const drops = (reason: string) =>
      Number(
        rig
          .drops()
          .find((text) => text.replace(/ \d+$/, '') === reason)
          ?.split(' ')
          .at(-1) ?? 0,
      );

    it('another port of a ClusterIP is refused, with its reason', () => {
      const before = drops('no service port');
      const tcp = send(to(web[f]).tcp(4000, 81, { flags: 'S' }));
      expect([tcp.verdict, tcp.text]).toEqual(['redirect', `${web[f]}|81 > ${sender}|4000 tcp RA ttl 64`]);
      const udp = send(to(web[f]).udp(4000, 80).payload('question'));
      expect(udp.verdict).toBe('redirect');
      expect(udp.text).toContain(`${web[f]} > ${sender} ${icmp} ttl 64 [${sender}|4000 > ${web[f]}|80 udp`);
      const sctp = send(to(web[f]).sctp(4000, 81, { chunk: 'INIT' }).payload('parameters'));
      expect(sctp.text).toContain(`${web[f]} > ${sender} ${icmp}`);
      for (const out of [tcp, udp, sctp]) expect(out.text).not.toContain('BAD');
      expect(drops('no service port')).toBe(before + 3);
    });

    it('so are a ping and protocols without ports', () => {
      const ping = send(to(web[f]).icmp(echo, 0).payload('ping'));
      expect([ping.verdict, ping.text.includes(`${web[f]} > ${sender} ${icmp}`)]).toEqual(['redirect', true]);
      const other = rig
        .from(hook === 'pod_ingress' ? 'pod' : 'uplink')
        .ip(sender, web[f], { protocol: 47 })
        .payload('tunnelled-by-gre');
      expect(send(other).text).toContain(`${web[f]} > ${sender} ${icmp}`);
    });

    it('what begins nothing is let go, as by conntrack', () => {
      for (const flags of ['SA', 'R', 'RA']) untouched(to(web[f]).tcp(80, 81, { flags }));
      untouched(to(web[f]).icmp(echoReply, 0));
      const about = datagram().ip(web[f], sender).udp(80, 4000);
      untouched(
        to(web[f])
          .icmp(f === 4 ? 3 : 1, 3)
          .quote(about),
      );
    });

    it('an address that no Service has gets no answer', () => {
      const before = drops('no service');
      const sent = [
        to(nobody[f]).tcp(4000, 80, { flags: 'S' }),
        to(nobody[f]).udp(4000, 53),
        to(nobody[f]).icmp(echo, 0),
      ];
      for (const builder of sent) expect(send(builder).verdict).toBe('drop');
      expect(drops('no service') - before).toBe(3);
    });

    it('another proxy’s Service and addresses beside the Service CIDRs are let go', () => {
      for (const ip of [foreign[f], beside[f]]) {
        untouched(to(ip).tcp(4000, 80, { flags: 'S' }));
        untouched(to(ip).icmp(echo, 0));
      }
    });

    it('all is let go until all Services are known', () => {
      const map = rig.map('service_cidrs');
      const settled = map.lookup(new Uint8Array(4))!;
      map.update(new Uint8Array(4), new Uint8Array(settled.length));
      untouched(to(nobody[f]).tcp(4000, 80, { flags: 'S' }));
      untouched(to(web[f]).udp(4000, 81));
      map.update(new Uint8Array(4), settled);
    });
  });

  it('nothing is refused on its way to a pod', () => {
    rig.send('pod_ingress', rig.from('pod').ip(pod[f], web[f]).tcp(4000, 80, { flags: 'S' }));
    const builder = rig.from('pod').ip(web[f], pod[f]).tcp(81, 4000, { flags: 'S' });
    expect(rig.send('pod_egress', builder).verdict).toBe('pass');
  });
});
