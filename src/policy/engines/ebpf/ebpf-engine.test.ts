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
