import { expect, test } from 'vitest';
import { parseIp } from '../net/ip.ts';
import { judge } from './judge.ts';
import { anyPeer, noSubject, type PolicyRule, type PolicyState, ruleKey } from './policy-state.ts';

const rule = (peer: bigint, ports: Partial<PolicyRule> = {}): PolicyRule => ({
  ...{ subject: 7n, direction: 'ingress', peer, protocol: 0, port: 0, portBits: 0 },
  ...ports,
});

function state(...rules: PolicyRule[]): PolicyState {
  return {
    pods: new Map([
      ['10.0.0.1', { subject: 7n, ingress: true, egress: false }],
      ['10.0.0.2', { subject: noSubject, ingress: true, egress: true }],
    ]),
    peers: new Map([['10.0.1.1', 21n]]),
    blocks: new Map([
      ['10.0.0.0/8', 31n],
      ['10.0.2.0/24', 32n],
      ['::/0', 33n],
    ]),
    rules: new Map(rules.map((one) => [ruleKey(one), one])),
  };
}

const packet = { pod: parseIp('10.0.0.1'), direction: 'ingress', protocol: 6, port: 80 } as const;
const from = (peer: string, ...rules: PolicyRule[]) =>
  judge(state(...rules), { ...packet, peer: parseIp(peer) });

test('what is not isolated passes', () => {
  const peer = parseIp('192.0.2.1');
  expect(judge(state(), { ...packet, peer, pod: parseIp('10.0.0.9') })).toBe(true);
  expect(judge(state(), { ...packet, peer, direction: 'egress' })).toBe(true);
  expect(judge(state(), { ...packet, peer })).toBe(false);
});

test('a pod of which nothing is known lets nothing pass', () => {
  const unknown = { ...packet, pod: parseIp('10.0.0.2'), peer: parseIp('10.0.1.1') };
  expect(judge(state(rule(anyPeer)), unknown)).toBe(false);
});

test('a rule names anyone, the peer’s pod, or the longest block that holds it', () => {
  expect(from('192.0.2.1', rule(anyPeer))).toBe(true);
  expect(from('10.0.1.1', rule(21n))).toBe(true);
  expect(from('10.0.1.1', rule(31n))).toBe(true);
  expect(from('10.0.2.1', rule(31n))).toBe(false);
  expect(from('10.0.2.1', rule(32n))).toBe(true);
  // As in a table of v4-mapped addresses: it is for who fills it to say that this is not meant.
  expect(from('192.0.2.1', rule(33n))).toBe(true);
});

test('ports are those of a block of them, of one protocol or all', () => {
  expect(from('10.0.1.1', rule(anyPeer, { protocol: 6, port: 80, portBits: 16 }))).toBe(true);
  expect(from('10.0.1.1', rule(anyPeer, { protocol: 6, port: 64, portBits: 10 }))).toBe(true);
  expect(from('10.0.1.1', rule(anyPeer, { protocol: 6, port: 128, portBits: 10 }))).toBe(false);
  expect(from('10.0.1.1', rule(anyPeer, { protocol: 17, port: 80, portBits: 16 }))).toBe(false);
  expect(from('10.0.1.1', rule(anyPeer, { protocol: 6 }))).toBe(true);
  expect(from('10.0.1.1', { ...rule(anyPeer), direction: 'egress' })).toBe(false);
});
