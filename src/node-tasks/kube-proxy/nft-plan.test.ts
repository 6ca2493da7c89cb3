import { expect, it } from 'vitest';
import type { NftRule } from '../../linux/nftables/ruleset.ts';
import { hasOtherNat, planNftRemoval } from './nft-plan.ts';

const chain = (family: string, table: string, name: string, base: object = {}) => ({
  family,
  table,
  name,
  ...base,
});
const rule = (family: string, table: string, from: string, handle: number, targets: string[]): NftRule => ({
  ...{ family, table, chain: from, handle, targets },
});
const nat = { type: 'nat', hook: 'prerouting' };

it('removes the tables of mode nftables whole', () => {
  const ruleset = {
    tables: ['ip kube-proxy', 'ip6 kube-proxy', 'inet tendril-masquerade'],
    chains: [chain('ip', 'kube-proxy', 'nat-prerouting', nat)],
    rules: [rule('ip', 'kube-proxy', 'nat-prerouting', 9, ['services'])],
  };
  expect(planNftRemoval(ruleset)).toEqual({
    tables: ['ip kube-proxy', 'ip6 kube-proxy'],
    chains: [],
    statements: ['delete table ip kube-proxy', 'delete table ip6 kube-proxy'],
  });
});

it('removes chains of iptables-nft and what leads to them, and leaves the kubelet’s and all others', () => {
  const ruleset = {
    tables: ['ip nat', 'ip filter'],
    chains: [
      chain('ip', 'nat', 'PREROUTING', nat),
      chain('ip', 'nat', 'KUBE-SERVICES'),
      chain('ip', 'nat', 'KUBE-SVC-ABC'),
      chain('ip', 'filter', 'KUBE-FIREWALL'),
      chain('ip', 'filter', 'KUBE-KUBELET-CANARY'),
      chain('ip', 'nat', 'CNI-HOSTPORT-DNAT'),
    ],
    rules: [
      rule('ip', 'nat', 'PREROUTING', 3, ['KUBE-SERVICES']),
      rule('ip', 'nat', 'PREROUTING', 4, ['CNI-HOSTPORT-DNAT']),
      rule('ip', 'nat', 'KUBE-SERVICES', 5, ['KUBE-SVC-ABC']),
      rule('ip', 'filter', 'OUTPUT', 6, ['KUBE-FIREWALL']),
    ],
  };
  expect(planNftRemoval(ruleset).statements).toEqual([
    'delete rule ip nat PREROUTING handle 3',
    'flush chain ip nat KUBE-SERVICES',
    'flush chain ip nat KUBE-SVC-ABC',
    'delete chain ip nat KUBE-SERVICES',
    'delete chain ip nat KUBE-SVC-ABC',
  ]);
});

it('finds nothing where there is nothing', () => {
  expect(planNftRemoval({ tables: [], chains: [], rules: [] }).statements).toEqual([]);
});

it('trusts the agent’s masquerade alone to keep what translated connections need', () => {
  const of = (...rules: NftRule[]) => hasOtherNat({ tables: [], chains: [], rules });
  expect(of()).toBe(false);
  expect(of(rule('ip', 'nat', 'PREROUTING', 1, []))).toBe(false);
  expect(of(rule('inet', 'tendril-masquerade', 'postrouting', 1, []))).toBe(true);
});
