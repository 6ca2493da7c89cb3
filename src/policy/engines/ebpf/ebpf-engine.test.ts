import { beforeEach, describe, expect, it } from 'vitest';
import { FakeMap } from '../../../linux/bpf/fake-bpf.ts';
import { anyPeer, type PolicyRule, type PolicyState, ruleKey } from '../../policy-state.ts';
import { EbpfPolicyEngine } from './ebpf-engine.ts';
import { layouts } from './generated/layouts.ts';

const subject = 7n;
const other = 8n;

let maps: Record<string, FakeMap>;

function map(name: string, key: { size: number }, value: { size: number }, maxEntries = 16): FakeMap {
  return new FakeMap({ name, keySize: key.size, valueSize: value.size, maxEntries });
}

function makeMaps(blocks?: number): void {
  const config = { keySize: 4, valueSize: layouts.policyConfig.size, maxEntries: 1, array: true };
  maps = {
    policy_config: new FakeMap({ name: 'policy_config', ...config }),
    policy_pods: map('policy_pods', layouts.podAddress, layouts.policyPod),
    policy_peers: map('policy_peers', layouts.podAddress, layouts.policyPeer),
    policy_blocks: map('policy_blocks', layouts.policyBlockKey, layouts.policyBlock, blocks),
    policy_rules: map('policy_rules', layouts.policyRuleKey, layouts.policyRule),
    policy_flows: map('policy_flows', layouts.tuple, layouts.policyFlow),
  };
}
beforeEach(() => makeMaps());

const makeEngine = () => new EbpfPolicyEngine((name) => maps[name]!);
const revision = () => layouts.policyConfig.decode(maps.policy_config!.lookup(new Uint8Array(4))!).revision;

const rule = (change: Partial<PolicyRule>): PolicyRule => ({
  ...{ subject, direction: 'egress', peer: anyPeer, protocol: 0, port: 0, portBits: 0 },
  ...change,
});
const state = (rules: PolicyRule[], blocks: Record<string, bigint> = {}): PolicyState => ({
  pods: new Map([['10.0.0.1', { subject, ingress: true, egress: true }]]),
  peers: new Map(),
  blocks: new Map(Object.entries(blocks)),
  rules: new Map(rules.map((one) => [ruleKey(one), one])),
});

describe('connections that go on are judged anew', () => {
  it('after a sync that failed when something was forbidden already', async () => {
    const engine = makeEngine();
    await engine.sync(state([rule({}), rule({ protocol: 6 })]), true);
    const before = revision();
    const rules = maps.policy_rules!;
    const remove = rules.delete.bind(rules);
    rules.delete = (key) => {
      rules.delete = () => {
        rules.delete = remove;
        throw new Error('interrupted');
      };
      return remove(key);
    };
    await expect(engine.sync(state([]), true)).rejects.toThrow('interrupted');
    await engine.sync(state([rule({ protocol: 6 })]), true);
    expect(revision()).not.toBe(before);
  });

  it('by a process that comes after another, which may have ended meanwhile', async () => {
    await makeEngine().sync(state([]), true);
    const before = revision();
    const engine = makeEngine();
    await engine.sync(state([]), true);
    expect(revision()).not.toBe(before);
    const now = revision();
    await engine.sync(state([]), true);
    expect(revision()).toBe(now);
  });
});

describe('without room for a block', () => {
  const inForce = () =>
    [...maps.policy_rules!.entries()].map(([key]) => {
      const { subject: whose, peer } = layouts.policyRuleKey.decode(key);
      return `${whose} ${peer}`;
    });
  /** 1: all of 10.0.0.0/8 for both. 2: only for the other one. */
  const rules = [rule({ peer: 1n }), rule({ peer: 1n, subject: other }), rule({ peer: 2n, subject: other })];

  it('that the one around it excepts, that is not allowed', async () => {
    makeMaps(1);
    const engine = makeEngine();
    await engine.sync(state(rules, { '10.0.0.0/8': 1n, '10.1.0.0/16': 2n }), true);
    expect(engine.status().problem).toContain('policy_blocks');
    expect(inForce()).toEqual([`${other} 1`, `${other} 2`]);
  });

  it('that was around before, too, and all is as wanted once there is room', async () => {
    makeMaps(1);
    const engine = makeEngine();
    await engine.sync(state(rules, { '10.0.0.0/8': 1n }), true);
    const before = revision();
    expect(inForce()).toHaveLength(3);
    await engine.sync(state(rules, { '10.0.0.0/8': 1n, '10.1.0.0/16': 2n }), true);
    expect(inForce()).toEqual([`${other} 1`, `${other} 2`]);
    expect(revision()).not.toBe(before);
    await engine.sync(state(rules, { '10.0.0.0/8': 1n }), true);
    expect(inForce()).toHaveLength(3);
  });

  it('of IPv4, where one of IPv6 seems to be around it', async () => {
    makeMaps(1);
    await makeEngine().sync(state([rule({ peer: 1n })], { '::/0': 1n, '0.0.0.0/0': 2n }), true);
    expect(inForce()).toEqual([]);
  });

  it('that nothing excepts, others keep what they are allowed', async () => {
    makeMaps(1);
    const more = [rule({ peer: 1n }), rule({ peer: 2n }), rule({ peer: 2n, subject: other })];
    await makeEngine().sync(state(more, { '10.0.0.0/8': 1n, '10.1.0.0/16': 2n }), true);
    expect(inForce()).toContain(`${subject} 1`);
  });
});
