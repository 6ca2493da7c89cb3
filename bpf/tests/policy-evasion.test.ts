/** What a pod or its peers could send to get round NetworkPolicies: forged, cut and odd packets. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseIp } from '../../src/net/ip.ts';
import { parseMac } from '../../src/net/mac.ts';
import type { PacketBuilder } from '../../src/net/packet.ts';
import { EbpfPolicyEngine } from '../../src/policy/engines/ebpf/ebpf-engine.ts';
import { anyPeer, type PolicyRule, ruleKey } from '../../src/policy/policy-state.ts';
import { layouts } from '../../src/service/backends/ebpf/generated/layouts.ts';
import { testService, testSlice } from '../../src/service/testing-objects.ts';
import { hostMac, node, outside, PacketRig, pod, podMac, remotePod } from './packet-rig.ts';

const families = [4, 6] as const;
/** Of a Service that another proxy serves. */
const otherProxys = { 4: '10.96.0.7', 6: 'fd00:96::7' } as const;
const subject = 7n;
const udp = 17;

let rig: PacketRig;
let engine: EbpfPolicyEngine;

const dnsOnly: PolicyRule = {
  ...{ subject, direction: 'egress', peer: anyPeer, protocol: udp, port: 53, portBits: 16 },
};
async function isolate(...rules: PolicyRule[]): Promise<void> {
  const isolated = { subject, ingress: true, egress: true };
  await engine.sync(
    {
      pods: new Map(families.map((f) => [pod[f], isolated])),
      rules: new Map(rules.map((rule) => [ruleKey(rule), rule])),
      peers: new Map(),
      blocks: new Map(),
    },
    true,
  );
}

beforeAll(async () => {
  rig = new PacketRig();
  rig.configure({ pastStack: 1 });
  engine = new EbpfPolicyEngine((name) => rig.map(name));
  const link = { ifindex: rig.podIfindex, mtu: 1400, mac: parseMac(podMac), hostMac: parseMac(hostMac) };
  const ports = [{ port: 80, nodePort: 30080 }];
  rig.services.set(testService('web', { type: 'NodePort', clusterIPs: ['10.96.0.1', 'fd00:96::1'], ports }));
  const others = testService('other', {
    clusterIPs: [otherProxys[4], otherProxys[6]],
    ports: [{ port: 80 }],
  });
  const labels = { 'service.kubernetes.io/service-proxy-name': 'other' };
  rig.services.set({ ...others, metadata: { ...others.metadata, labels } });
  for (const f of families) {
    const key = layouts.podAddress.encode({ addr: parseIp(pod[f]) });
    rig.map('pod_links').update(key, layouts.podLink.encode(link));
    const endpoints = [{ ip: pod[f], node: 'here' }];
    rig.slices.set(testSlice('web', { family: f, ports: [{ port: 8080 }], endpoints }));
  }
  await rig.sync();
});
beforeEach(() => rig.forget());
afterAll(() => rig?.close());

describe.each(families)('IPv%i', (f) => {
  const [type, code] = f === 4 ? [3, 3] : [1, 4];
  const send = (packet: PacketBuilder | Uint8Array) => rig.send('pod_ingress', packet);
  const receive = (packet: PacketBuilder | Uint8Array) => rig.send('pod_egress', packet, rig.uplinkIfindex);
  const question = () => rig.from('pod').ip(pod[f], remotePod[f]).udp(4000, 53);
  const answer = () => rig.from('uplink').ip(remotePod[f], pod[f]).udp(53, 4000);
  const errorTo = (to: string, about: PacketBuilder) =>
    rig.from('pod').ip(pod[f], to).icmp(type, code).quote(about);

  describe('an ICMP error', () => {
    beforeEach(async () => {
      await isolate(dnsOnly);
      expect(send(question()).verdict).toBe('pass');
    });

    it('goes to whom it quotes', () => {
      expect(send(errorTo(remotePod[f], answer())).verdict).toBe('pass');
    });

    it('carries nothing to others, whatever it quotes', () => {
      expect(send(errorTo(outside[f], answer())).text).toBe('dropped: policy egress');
      expect(send(errorTo(outside[f], question())).text).toBe('dropped: policy egress');
      expect(send(errorTo(remotePod[f], question())).text).toBe('dropped: policy egress');
    });

    it('about another’s connection does not enter', () => {
      const error = (about: PacketBuilder) =>
        receive(rig.from('uplink').ip(outside[f], pod[f]).icmp(type, code).quote(about));
      expect(error(question()).verdict).toBe('pass');
      expect(error(answer()).text).toBe('dropped: policy ingress');
    });

    it('about a connection that is cut does not pass', async () => {
      await isolate();
      expect(send(question()).text).toBe('dropped: policy egress');
      expect(send(errorTo(remotePod[f], answer())).text).toBe('dropped: policy egress');
    });
  });

  it('what goes to a Service of another proxy is judged as it is', async () => {
    const call = () => send(rig.from('pod').ip(pod[f], otherProxys[f]).tcp(4000, 80, { flags: 'S' }));
    await isolate();
    expect(call().text).toBe('dropped: policy egress');
    await isolate({ ...dnsOnly, protocol: 6, port: 80 });
    expect(call().text).toContain(`> ${otherProxys[f]}|80 tcp`);
  });

  it('what hides its ports does not enter', async () => {
    await isolate();
    const [tiny] = rig.from('uplink').ip(outside[f], pod[f]).tcp(4000, 8080, { flags: 'S' }).fragments(8);
    expect(receive(tiny!).text).toBe('dropped: malformed');
    const cut = rig.from('uplink').ip(outside[f], pod[f], { protocol: 6 }).payload('not a header');
    expect(receive(cut).text).toBe('dropped: malformed');
  });
});

it('addresses between multicast and broadcast are a network as any other', async () => {
  await isolate();
  const out = (to: string) => rig.send('pod_ingress', rig.from('pod').ip(pod[4], to).udp(4000, 53)).text;
  expect(out('240.1.2.3')).toBe('dropped: policy egress');
  expect(out('239.255.255.255')).toContain('udp');
  expect(out('255.255.255.255')).toContain('udp');
  const packet = rig.from('uplink').ip('240.1.2.3', pod[4]).udp(4000, 53);
  expect(rig.send('pod_egress', packet, rig.uplinkIfindex).text).toBe('dropped: policy ingress');
});

it('who comes by a Service from the link’s own addresses is judged', async () => {
  await isolate();
  const call = rig.from('uplink').ip('fe80::bad', node[6]).tcp(4000, 30080, { flags: 'S' });
  expect(rig.send('host_ingress', call).text).toBe('dropped: policy ingress');
});

it('an ICMP error that nobody forwards is not translated', async () => {
  await isolate({ ...dnsOnly, direction: 'ingress', protocol: 6, port: 8080 });
  const call = rig.from('uplink').ip(outside[6], node[6]).tcp(4000, 30080, { flags: 'S' });
  expect(rig.send('host_ingress', call).verdict).toBe('redirect');
  const about = rig.from('pod').ip(outside[6], pod[6]).tcp(4000, 8080, { flags: 'S' });
  const error = rig.from('pod').ip('fe80::2', outside[6]).icmp(1, 4).quote(about);
  const sent = rig.send('pod_ingress', error);
  expect(sent.verdict).toBe('pass');
  expect(Buffer.from(sent.bytes)).toEqual(Buffer.from(error.bytes()));
});

it('the node speaks from the link’s addresses', async () => {
  await isolate();
  const call = rig.from('uplink').ip('fe80::1', pod[6]).icmp(135, 0);
  expect(rig.send('pod_egress', call).verdict).toBe('pass');
});

describe('where other pods’ connections take all room', () => {
  beforeAll(() => {
    rig.resize({ policy_flows: 1 });
    engine = new EbpfPolicyEngine((name) => rig.map(name));
  });
  afterAll(() => {
    rig.resize({});
    engine = new EbpfPolicyEngine((name) => rig.map(name));
  });

  it('the node reaches its pods', async () => {
    await isolate(dnsOnly);
    expect(rig.send('pod_ingress', rig.from('pod').ip(pod[4], outside[4]).udp(1, 53)).verdict).toBe('pass');
    expect(rig.send('pod_ingress', rig.from('pod').ip(pod[4], outside[4]).udp(2, 53)).text).toBe(
      'dropped: policy flows full',
    );
    const probe = rig.from('uplink').ip(node[4], pod[4]).tcp(4000, 8080, { flags: 'S' });
    expect(rig.send('pod_egress', probe).verdict).toBe('pass');
  });
});
