/** The comparison by which tests on real clusters say that a node is as it was (tests/real/cluster/node-state.ts). */
import { expect, test } from 'vitest';
import { byKey, compareStates, describeDifferences, type NodeState, stateKinds } from './state-difference.ts';
import * as parse from './state-parsers.ts';

const state = (changes: Partial<NodeState>): NodeState => ({
  ...(Object.fromEntries(stateKinds.map((kind) => [kind, new Map()])) as unknown as NodeState),
  ...changes,
});

test('what is new, gone and changed is named by kind', () => {
  const before = state({
    links: byKey([['eth0', 'up']]),
    sysctls: byKey([['net.ipv4.ip_forward', '0']]),
  });
  const after = state({ rules: byKey([['IPv4 100', '{}']]), sysctls: byKey([['net.ipv4.ip_forward', '1']]) });
  expect(describeDifferences(compareStates(before, after))).toEqual([
    'gone in links: eth0; was up',
    'new in rules: IPv4 100; is {}',
    'changed in sysctls: net.ipv4.ip_forward; was 0; is 1',
  ]);
  expect(compareStates(before, before)).toEqual([]);
});

test('nftables are compared without handles and counters, rules by their place', () => {
  const ruleset = (handle: number, packets: number) =>
    JSON.stringify({
      nftables: [
        { metainfo: {} },
        { table: { family: 'inet', name: 't', handle } },
        { chain: { family: 'inet', table: 't', name: 'c', handle } },
        { rule: { family: 'inet', table: 't', chain: 'c', handle, expr: [{ counter: { packets } }] } },
        { rule: { family: 'inet', table: 't', chain: 'c', handle, expr: [{ drop: null }] } },
      ],
    });
  const parsed = parse.parseNftables(ruleset(1, 1));
  expect([...parsed.keys()]).toEqual([
    'table inet t',
    'chain inet t c',
    'rule inet t c #0',
    'rule inet t c #1',
  ]);
  expect(parse.parseNftables(ruleset(9, 9))).toEqual(parsed);
});

test('iptables-save is compared without packet counts and comments', () => {
  const text = '# Generated\n*nat\n:KUBE-X - [3:4]\n[1:2] -A KUBE-X -j RETURN\n-A KUBE-X -j DROP\nCOMMIT\n';
  expect([...parse.parseIptables(text, 'save').keys()]).toEqual([
    'save nat :KUBE-X -',
    'save nat -A KUBE-X -j DROP',
  ]);
});

test('routes and links are known by what does not change: not by an interface’s number', () => {
  const route = { dst: '10.244.1.0/24', gateway: '10.90.0.11', dev: 'eth0', protocol: '84', flags: [] };
  expect([...parse.parseRoutes(JSON.stringify([route]), 4)]).toEqual([
    ['IPv4 main 10.244.1.0/24 via 10.90.0.11 dev eth0', '{"protocol":"84"}'],
  ]);
  const link = (ifindex: number) =>
    JSON.stringify([{ ifindex, ifname: 'tdl1', flags: ['UP'], mtu: 1500, linkinfo: { info_kind: 'veth' } }]);
  expect(parse.parseLinks(link(4))).toEqual(parse.parseLinks(link(5)));
});

test('sysctls are compared but for counters, files but for a directory’s own size', () => {
  const sysctls = 'net.ipv4.ip_forward = 1\nkernel.x = 1\nnet.netfilter.nf_conntrack_count = 7\n';
  expect([...parse.parseSysctls(sysctls)]).toEqual([['net.ipv4.ip_forward', '1']]);
  expect([...parse.parseFiles('/etc/cni\td 755  4096\n/etc/cni/a\tf 644  12\n')]).toEqual([
    ['/etc/cni', 'd 755 '],
    ['/etc/cni/a', 'f 644  12'],
  ]);
});
