import { expect, it } from 'vitest';
import { parseRuleset } from './ruleset.ts';

/** As nft 1.0.6 prints it; the table is iptables-nft's. */
const listed = {
  nftables: [
    { metainfo: { version: '1.0.6', json_schema_version: 1 } },
    { table: { family: 'ip', name: 'nat', handle: 1 } },
    { chain: { family: 'ip', table: 'nat', name: 'KUBE-SERVICES', handle: 1 } },
    {
      chain: {
        ...{ family: 'ip', table: 'nat', name: 'PREROUTING', handle: 2 },
        ...{ type: 'nat', hook: 'prerouting', prio: -100, policy: 'accept' },
      },
    },
    {
      rule: {
        ...{ family: 'ip', table: 'nat', chain: 'PREROUTING', handle: 3, comment: 'portals' },
        expr: [{ xt: { type: 'match', name: 'comment' } }, { jump: { target: 'KUBE-SERVICES' } }],
      },
    },
    {
      rule: {
        ...{ family: 'ip', table: 'nat', chain: 'KUBE-SERVICES', handle: 4 },
        expr: [{ vmap: { key: 'x', data: { set: [[1, { goto: { target: 'KUBE-SVC-1' } }]] } } }],
      },
    },
  ],
};

it('knows tables, chains with their hooks, and where rules lead to', () => {
  expect(parseRuleset(listed)).toEqual({
    tables: ['ip nat'],
    chains: [
      { family: 'ip', table: 'nat', name: 'KUBE-SERVICES' },
      { family: 'ip', table: 'nat', name: 'PREROUTING', type: 'nat', hook: 'prerouting' },
    ],
    rules: [
      {
        ...{ family: 'ip', table: 'nat', chain: 'PREROUTING', handle: 3 },
        ...{ comment: 'portals', targets: ['KUBE-SERVICES'] },
      },
      { family: 'ip', table: 'nat', chain: 'KUBE-SERVICES', handle: 4, targets: ['KUBE-SVC-1'] },
    ],
  });
});

it('refuses what is no rule set', () => {
  expect(() => parseRuleset({})).toThrow('no rule set');
});
