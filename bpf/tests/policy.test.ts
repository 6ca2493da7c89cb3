/** NetworkPolicies, packet by packet: what a pod's isolation lets pass, and for how long. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseIp } from '../../src/net/ip.ts';
import { parseMac } from '../../src/net/mac.ts';
import type { TcpOptions } from '../../src/net/packet.ts';
import { EbpfPolicyEngine } from '../../src/policy/engines/ebpf/ebpf-engine.ts';
import {
  anyPeer,
  type PodPolicy,
  type PolicyRule,
  type PolicyState,
  ruleKey,
} from '../../src/policy/policy-state.ts';
import { layouts } from '../../src/service/backends/ebpf/generated/layouts.ts';
import { testService, testSlice } from '../../src/service/testing-objects.ts';
import { hostMac, node, outside, PacketRig, pod, remotePod } from './packet-rig.ts';

const families = [4, 6] as const;
const beside = { 4: '10.244.1.3', 6: 'fd00:244:1::3' } as const;
const clusterIp = { 4: '10.96.0.1', 6: 'fd00:96::1' } as const;
const subject = 7n;
const besideSubject = 8n;
const friend = 0xdead_beef_0000_0001n;
const block = 0xb10c_0000_0000_0002n;
const tcp = 6;
const udp = 17;

let rig: PacketRig;
let engine: EbpfPolicyEngine;

const rule = (direction: 'ingress' | 'egress', change: Partial<PolicyRule> = {}): PolicyRule => ({
  ...{ subject, direction, peer: anyPeer, protocol: 0, port: 0, portBits: 0 },
  ...change,
});
const both = (ips: Readonly<Record<4 | 6, string>>, policy: PodPolicy) =>
  families.map((f) => [ips[f], policy] as const);

interface Wanted {
  isolated?: { ingress?: boolean; egress?: boolean };
  besideIsolated?: { ingress?: boolean; egress?: boolean };
  rules?: PolicyRule[];
  peers?: PolicyState['peers'];
  blocks?: PolicyState['blocks'];
}
async function enforce({ isolated, besideIsolated, rules = [], peers, blocks }: Wanted): Promise<void> {
  const pods = new Map<string, PodPolicy>();
  const closed = { ingress: false, egress: false };
  if (isolated) for (const [ip, p] of both(pod, { subject, ...closed, ...isolated })) pods.set(ip, p);
  if (besideIsolated)
    for (const [ip, p] of both(beside, { subject: besideSubject, ...closed, ...besideIsolated }))
      pods.set(ip, p);
  await engine.sync(
    {
      pods,
      rules: new Map(rules.map((one) => [ruleKey(one), one])),
      peers: peers ?? new Map(),
      blocks: blocks ?? new Map(),
    },
    true,
  );
}

beforeAll(async () => {
  rig = new PacketRig();
  rig.configure({ pastStack: 1 });
  engine = new EbpfPolicyEngine((name) => rig.map(name));
  const mac = parseMac('02:00:00:00:00:0b');
  const link = { ifindex: rig.podIfindex, mtu: 1400, mac, hostMac: parseMac(hostMac) };
  for (const f of families) {
    rig
      .map('pod_links')
      .update(layouts.podAddress.encode({ addr: parseIp(beside[f]) }), layouts.podLink.encode(link));
    rig.slices.set(
      testSlice('web', {
        family: f,
        ports: [{ port: 8080 }],
        endpoints: [{ ip: remotePod[f], node: 'there' }],
      }),
    );
  }
  const ports = [{ port: 80, nodePort: 30080 }];
  rig.services.set(testService('web', { type: 'NodePort', clusterIPs: [clusterIp[4], clusterIp[6]], ports }));
  await rig.sync();
});
beforeEach(async () => {
  rig.forget();
  await enforce({});
});
afterAll(() => rig?.close());

describe.each(families)('IPv%i', (f) => {
  const out = (to: string, dport = 8080, flags: TcpOptions['flags'] = 'S', sport = 4000) =>
    rig.send('pod_ingress', rig.from('pod').ip(pod[f], to).tcp(sport, dport, { flags }));
  const outUdp = (to: string, dport: number, sport = 4000) =>
    rig.send('pod_ingress', rig.from('pod').ip(pod[f], to).udp(sport, dport));
  /** By the stack, from the uplink unless told. */
  const into = (
    from: string,
    dport = 8080,
    flags: TcpOptions['flags'] = 'S',
    sport = 4000,
    by = rig.uplinkIfindex,
  ) => rig.send('pod_egress', rig.from('uplink').ip(from, pod[f]).tcp(sport, dport, { flags }), by);
  const echo = (reply = false) => (f === 4 ? (reply ? 0 : 8) : reply ? 129 : 128);
  const ping = (to: string) => rig.send('pod_ingress', rig.from('pod').ip(pod[f], to).icmp(echo(), 0));
  const pong = (from: string) =>
    rig.send('pod_egress', rig.from('uplink').ip(from, pod[f]).icmp(echo(true), 0), rig.uplinkIfindex);

  describe('a pod that no policy isolates', () => {
    it('sends and receives', async () => {
      await enforce({ besideIsolated: { ingress: true } });
      expect(out(outside[f]).verdict).toBe('pass');
      expect(into(outside[f]).verdict).toBe('pass');
    });
  });

  describe('isolated for what it sends', () => {
    beforeEach(() => enforce({ isolated: { egress: true } }));

    it('it begins nothing', () => {
      expect(out(outside[f]).text).toBe('dropped: policy egress');
      expect(outUdp(remotePod[f], 53).text).toBe('dropped: policy egress');
      expect(ping(outside[f]).text).toBe('dropped: policy egress');
    });

    it('it answers what others begin', () => {
      expect(into(remotePod[f], 8080, 'S', 5000).verdict).toBe('pass');
      expect(out(remotePod[f], 5000, 'SA', 8080).verdict).toBe('pass');
      expect(out(remotePod[f], 5000, 'A', 8080).verdict).toBe('pass');
      expect(out(remotePod[f], 5001, 'A', 8080).text).toBe('dropped: policy egress');
    });

    it('a connection from an answering port is one of its own', () => {
      expect(into(remotePod[f], 8080, 'S', 5000).verdict).toBe('pass');
      expect(out(remotePod[f], 5000, 'S', 8080).text).toBe('dropped: policy egress');
    });

    it('it reaches its own node', () => {
      expect(out(node[f], 10250).verdict).toBe('pass');
      expect(ping(node[f]).verdict).toBe('pass');
    });

    it('the backend of a Service counts, not the Service', async () => {
      expect(out(clusterIp[f], 80).text).toBe('dropped: policy egress');
      const rules = [rule('egress', { peer: friend, protocol: tcp, port: 8080, portBits: 16 })];
      await enforce({ isolated: { egress: true }, rules, peers: new Map([[remotePod[f], friend]]) });
      expect(out(clusterIp[f], 80).text).toContain(`> ${remotePod[f]}|8080 tcp S`);
      // The answer comes as the backend's and goes on as the Service's.
      const answer = rig.from('uplink').ip(remotePod[f], pod[f]).tcp(8080, 4000, { flags: 'SA' });
      expect(rig.send('host_ingress', answer).verdict).toBe('redirect');
      const renamed = rig.from('uplink').ip(clusterIp[f], pod[f]).tcp(80, 4000, { flags: 'SA' });
      expect(rig.send('pod_egress', renamed, rig.uplinkIfindex).verdict).toBe('pass');
    });

    it('to a pod of the node it is judged before it is put there', async () => {
      expect(out(beside[f]).text).toBe('dropped: policy egress');
      await enforce({ isolated: { egress: true }, rules: [rule('egress')] });
      expect(out(beside[f]).verdict).toBe('redirect');
    });
  });

  describe('isolated for what it receives', () => {
    beforeEach(() => enforce({ isolated: { ingress: true } }));

    it('nobody reaches it', () => {
      expect(into(remotePod[f]).text).toBe('dropped: policy ingress');
      expect(into(outside[f]).text).toBe('dropped: policy ingress');
    });

    it('but its own node', () => {
      const fromNode = rig.from('uplink').ip(node[f], pod[f]).tcp(4000, 8080, { flags: 'S' });
      expect(rig.send('pod_egress', fromNode).verdict).toBe('pass');
      expect(out(node[f], 4000, 'SA', 8080).verdict).toBe('pass');
      // Whoever has the node's address without being it.
      expect(into(node[f], 8081).text).toBe('dropped: policy ingress');
    });

    it('what it begins is answered', () => {
      expect(out(outside[f], 443).verdict).toBe('pass');
      expect(into(outside[f], 4000, 'SA', 443).verdict).toBe('pass');
      expect(into(outside[f], 4001, 'SA', 443).text).toBe('dropped: policy ingress');
      expect(ping(outside[f]).verdict).toBe('pass');
      expect(pong(outside[f]).verdict).toBe('pass');
      expect(pong(remotePod[f]).text).toBe('dropped: policy ingress');
    });

    it('errors about what it began reach it, and no others', () => {
      const about = (dport: number) =>
        rig.from('pod').ip(pod[f], outside[f]).tcp(4000, dport, { flags: 'S' });
      const error = (dport: number) => {
        const [type, code] = f === 4 ? [3, 1] : [1, 0];
        const router = { 4: '198.51.100.1', 6: '2001:db8:1::1' }[f];
        const packet = rig.from('uplink').ip(router, pod[f]).icmp(type, code).quote(about(dport));
        return rig.send('pod_egress', packet, rig.uplinkIfindex);
      };
      out(outside[f], 443);
      expect(error(443).verdict).toBe('pass');
      expect(error(444).text).toBe('dropped: policy ingress');
    });
  });

  describe('a rule', () => {
    const allowing = (...rules: PolicyRule[]) =>
      enforce({
        isolated: { ingress: true, egress: true },
        rules,
        peers: new Map([[remotePod[f], friend]]),
        blocks: new Map([[{ 4: '192.0.2.0/24', 6: '2001:db8::/64' }[f], block]]),
      });

    it('of a peer lets that in, by whichever port', async () => {
      await allowing(rule('ingress', { peer: friend }));
      expect(into(remotePod[f], 8080).verdict).toBe('pass');
      expect(into(remotePod[f], 9).verdict).toBe('pass');
      expect(into(outside[f], 8080).text).toBe('dropped: policy ingress');
      expect(out(remotePod[f], 8080).text).toBe('dropped: policy egress');
    });

    it('of a block lets its addresses in', async () => {
      await allowing(rule('ingress', { peer: block }));
      expect(into(outside[f]).verdict).toBe('pass');
      expect(into({ 4: '203.0.113.9', 6: '2001:db8:0:1::9' }[f]).text).toBe('dropped: policy ingress');
    });

    it('of a port lets that protocol’s port pass alone', async () => {
      await allowing(rule('egress', { protocol: tcp, port: 443, portBits: 16 }));
      expect(out(outside[f], 443).verdict).toBe('pass');
      expect(out(outside[f], 444).text).toBe('dropped: policy egress');
      expect(outUdp(outside[f], 443).text).toBe('dropped: policy egress');
    });

    it('of a protocol lets all of its ports pass, and no other protocol', async () => {
      await allowing(rule('egress', { protocol: udp }));
      expect(outUdp(outside[f], 1).verdict).toBe('pass');
      expect(outUdp(outside[f], 65_535).verdict).toBe('pass');
      expect(out(outside[f], 1).text).toBe('dropped: policy egress');
      expect(ping(outside[f]).text).toBe('dropped: policy egress');
    });

    it('of ports by their first bits lets those pass', async () => {
      await allowing(rule('egress', { protocol: tcp, port: 0x1f00, portBits: 8 }));
      expect(out(outside[f], 0x1f00).verdict).toBe('pass');
      expect(out(outside[f], 0x1fff).verdict).toBe('pass');
      expect(out(outside[f], 0x2000).text).toBe('dropped: policy egress');
      expect(out(outside[f], 0x1eff).text).toBe('dropped: policy egress');
    });

    it('without protocol lets ICMP pass too', async () => {
      await allowing(rule('egress'));
      expect(ping(outside[f]).verdict).toBe('pass');
      expect(pong(outside[f]).verdict).toBe('pass');
    });

    it('is one pod’s alone', async () => {
      await allowing(rule('ingress', { subject: 99n }));
      expect(into(outside[f]).text).toBe('dropped: policy ingress');
    });
  });

  describe('both pods of one node', () => {
    it('have a say', async () => {
      const isolated = { isolated: { egress: true }, besideIsolated: { ingress: true } };
      await enforce({ ...isolated, rules: [rule('egress')] });
      expect(out(beside[f]).text).toBe('dropped: policy ingress');
      await enforce({ ...isolated, rules: [rule('egress'), rule('ingress', { subject: besideSubject })] });
      expect(out(beside[f]).verdict).toBe('redirect');
    });

    it('a datagram that was refused there opens no way back', async () => {
      const isolated = { isolated: { egress: true, ingress: true }, besideIsolated: { ingress: true } };
      await enforce({ ...isolated, rules: [rule('egress')] });
      expect(outUdp(beside[f], 53).text).toBe('dropped: policy ingress');
      await enforce({ ...isolated });
      const back = rig.from('uplink').ip(beside[f], pod[f]).udp(53, 4000);
      expect(rig.send('pod_egress', back, rig.uplinkIfindex).text).toBe('dropped: policy ingress');
    });
  });

  describe('a change', () => {
    const begin = () => {
      expect(out(outside[f], 443).verdict).toBe('pass');
      expect(into(outside[f], 4000, 'SA', 443).verdict).toBe('pass');
      expect(out(outside[f], 443, 'A').verdict).toBe('pass');
    };

    it('that forbids a connection ends it, in both directions', async () => {
      await enforce({ isolated: { ingress: true, egress: true }, rules: [rule('egress')] });
      begin();
      await enforce({ isolated: { ingress: true, egress: true } });
      expect(into(outside[f], 4000, 'A', 443).text).toBe('dropped: policy ingress');
      expect(out(outside[f], 443, 'A').text).toBe('dropped: policy egress');
    });

    it('that does not leaves it', async () => {
      await enforce({ isolated: { ingress: true, egress: true }, rules: [rule('egress')] });
      begin();
      const other = rule('egress', { protocol: tcp, port: 443, portBits: 16 });
      await enforce({ isolated: { ingress: true, egress: true }, rules: [other] });
      expect(into(outside[f], 4000, 'A', 443).verdict).toBe('pass');
      expect(out(outside[f], 443, 'A').verdict).toBe('pass');
    });

    it('of who has an address counts for connections that go on', async () => {
      const rules = [rule('egress', { peer: friend })];
      await enforce({ isolated: { egress: true }, rules, peers: new Map([[outside[f], friend]]) });
      begin();
      await enforce({ isolated: { egress: true }, rules, peers: new Map([[outside[f], 5n]]) });
      expect(out(outside[f], 443, 'A').text).toBe('dropped: policy egress');
    });
  });

  describe('a connection from before', () => {
    const ends = {
      client: { ip: parseIp(remotePod[f]), port: 5000 },
      server: { ip: parseIp(pod[f]), port: 8080 },
    };

    it('is judged by who began it, whoever sends first', async () => {
      engine.remember([{ direction: 'ingress', ...ends }]);
      const rules = [rule('ingress', { protocol: tcp, port: 8080, portBits: 16 })];
      await enforce({ isolated: { ingress: true, egress: true }, rules });
      expect(out(remotePod[f], 5000, 'A', 8080).verdict).toBe('pass');
      expect(out(remotePod[f], 5001, 'A', 8080).text).toBe('dropped: policy egress');
    });

    it('is cut where nothing allows it', async () => {
      engine.remember([{ direction: 'ingress', ...ends }]);
      await enforce({ isolated: { ingress: true, egress: true } });
      expect(out(remotePod[f], 5000, 'A', 8080).text).toBe('dropped: policy egress');
    });
  });

  it('a closed pod has no traffic but its node’s', async () => {
    engine.close([parseIp(pod[f])]);
    expect(out(outside[f]).text).toBe('dropped: policy egress');
    expect(into(outside[f]).text).toBe('dropped: policy ingress');
    expect(out(node[f]).verdict).toBe('pass');
  });

  it('neighbours and multicast on the link are no policy’s business', async () => {
    await enforce({ isolated: { ingress: true, egress: true } });
    const to = { 4: '224.0.0.251', 6: 'ff02::fb' }[f];
    expect(outUdp(to, 5353).verdict).toBe('pass');
  });
});

describe('without room for more connections', () => {
  const f = 4;
  const out = (sport: number, flags: TcpOptions['flags'] = 'S') =>
    rig.send('pod_ingress', rig.from('pod').ip(pod[f], outside[f]).tcp(sport, 443, { flags }));
  beforeAll(() => {
    rig.resize({ policy_flows: 2 });
    engine = new EbpfPolicyEngine((name) => rig.map(name));
  });
  afterAll(() => {
    rig.resize({});
    engine = new EbpfPolicyEngine((name) => rig.map(name));
  });

  it('known ones go on, and new ones are dropped whose answers could not come back', async () => {
    await enforce({ isolated: { ingress: true, egress: true }, rules: [rule('egress')] });
    expect([1, 2, 3].map((sport) => out(sport).text.replace(/^\d.*/, 'sent'))).toEqual([
      'sent',
      'sent',
      'dropped: policy flows full',
    ]);
    expect(out(1, 'A').verdict).toBe('pass');
  });

  it('a pod whose answers are not judged begins more', async () => {
    await enforce({ isolated: { egress: true }, rules: [rule('egress')] });
    expect([1, 2, 3].map((sport) => out(sport).verdict)).toEqual(['pass', 'pass', 'pass']);
  });

  it('it is told that there is hardly any', async () => {
    await enforce({ isolated: { egress: true }, rules: [rule('egress')] });
    out(1);
    out(2);
    expect(await engine.collect()).toEqual({ crowded: true });
    expect(engine.status().flows).toBe(2);
  });
});

it('an engine that comes after another knows what is in force, and takes it away', async () => {
  const rules = [
    rule('egress', { peer: friend }),
    rule('ingress', { protocol: tcp, port: 80, portBits: 12 }),
  ];
  const peers = new Map(families.map((f) => [remotePod[f], friend] as const));
  const blocks = new Map([
    ['10.0.0.0/8', 3n],
    ['2001:db8::/32', 4n],
    ['0.0.0.0/0', 5n],
  ]);
  await enforce({ isolated: { egress: true }, rules, peers, blocks });
  const next = new EbpfPolicyEngine((name) => rig.map(name));
  expect(next.known()).toBe('some');
  expect(next.status()).toMatchObject({ pods: 2, rules: 2, peers: 2, blocks: 3 });
  const revision = () => Buffer.from(rig.map('policy_config').lookup(new Uint8Array(4))!).readUInt32LE();
  const pods = new Map(both(pod, { subject, ingress: false, egress: true }));
  const same = { pods, peers, blocks, rules: new Map(rules.map((one) => [ruleKey(one), one])) };
  await next.sync(same, true);
  const before = revision();
  await next.sync(same, true);
  expect(revision()).toBe(before);
  await next.sync({ pods: new Map(), peers: new Map(), blocks: new Map(), rules: new Map() }, false);
  expect(next.status()).toMatchObject({ pods: 0, rules: 0, peers: 0, blocks: 0 });
  expect(next.known()).toBe('none');
  for (const name of ['policy_pods', 'policy_peers', 'policy_blocks', 'policy_rules'])
    expect([...rig.map(name).entries()], name).toEqual([]);
  engine = new EbpfPolicyEngine((name) => rig.map(name));
});

it('what is told as changed is all that is looked at, where it follows on what is in force', async () => {
  const [a, b, c] = [
    rule('egress', { peer: 1n }),
    rule('egress', { peer: 2n }),
    rule('egress', { peer: 3n }),
  ];
  const state = (version: number, since: number, rules: PolicyRule[], changed: PolicyRule[]) => ({
    ...{ pods: new Map(), peers: new Map(), blocks: new Map(), version },
    rules: new Map(rules.map((one) => [ruleKey(one), one])),
    changes: { since, peers: new Set<string>(), rules: new Set(changed.map(ruleKey)) },
  });
  const inForce = () => [...rig.map('policy_rules').entries()].length;
  await engine.sync(state(1, 0, [a], [a]), true);
  await engine.sync(state(2, 1, [a, b, c], [b]), true);
  expect(inForce()).toBe(2);
  await engine.sync(state(3, 2, [], [a]), true);
  expect(inForce()).toBe(1);
  await engine.sync(state(9, 8, [a, b, c], []), true);
  expect(inForce()).toBe(3);
});
