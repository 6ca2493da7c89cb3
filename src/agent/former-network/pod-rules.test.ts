import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { planPodRules } from './pod-rules.ts';

const containerId = 'a'.repeat(64);
const rule = (table: string, chain: string, handle: number, more: object = {}) => ({
  ...{ family: 'ip', table, chain, handle, targets: [] as string[] },
  ...more,
});

it('removes portmap’s and bridge’s rules of the container, and no other’s', () => {
  const comment = (id: string) => `1234567890abcdef-1234567890abcdef, net: old, if: eth0, id: ${id}`;
  const ruleset = {
    tables: [],
    chains: [],
    rules: [
      rule('cni_hostport', 'hostports', 1, { comment: containerId }),
      rule('cni_hostport', 'hostports', 2, { comment: 'b' }),
      rule('cni_plugins_masquerade', 'masq_checks', 3, { comment: comment(containerId.slice(0, 60)) }),
      rule('cni_plugins_masquerade', 'masq_checks', 4, { comment: comment('b'.repeat(60)) }),
    ],
  };
  expect(planPodRules(ruleset, { network: 'old', containerId })).toEqual([
    'delete rule ip cni_hostport hostports handle 1',
    'delete rule ip cni_plugins_masquerade masq_checks handle 3',
  ]);
});

it('removes the chains that iptables has for the container, after what leads to them', () => {
  // SHA-512 of "old" and the id, as FormatChainName cuts it.
  const name = 'CNI-DN-b4c6ed5b3b4c8f4ea2a8e';
  const own = planPodRules({ tables: [], chains: [], rules: [] }, { network: 'old', containerId });
  expect(own).toEqual([]);
  const chains = [
    { family: 'ip', table: 'nat', name: chainOf('DN-') },
    { family: 'ip', table: 'nat', name },
  ];
  const rules = [rule('nat', 'CNI-HOSTPORT-DNAT', 5, { targets: [chainOf('DN-')] })];
  expect(planPodRules({ tables: [], chains, rules }, { network: 'old', containerId })).toEqual([
    'delete rule ip nat CNI-HOSTPORT-DNAT handle 5',
    `flush chain ip nat ${chainOf('DN-')}`,
    `delete chain ip nat ${chainOf('DN-')}`,
  ]);
});

function chainOf(prefix: string): string {
  return `CNI-${prefix}${createHash('sha512').update(`old${containerId}`).digest('hex')}`.slice(0, 28);
}
