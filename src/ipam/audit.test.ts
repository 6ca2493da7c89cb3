import { expect, it } from 'vitest';
import { type AuditedAllocation, type AuditedNode, type AuditedPod, auditAddresses } from './audit.ts';

const allocation = (
  pod: string,
  ips: string[],
  more: Partial<AuditedAllocation> = {},
): AuditedAllocation => ({
  ...{ containerId: `c-${pod}`, ifName: 'eth0', ips, confirmed: true },
  ...{ namespace: 'shop', pod, uid: `uid-${pod}`, ...more },
});
const pod = (name: string, ips: string[], more: Partial<AuditedPod> = {}): AuditedPod => ({
  ...{ namespace: 'shop', name, uid: `uid-${name}`, node: 'node-1', ips, ...more },
});
function node(allocations: AuditedAllocation[], more: Partial<AuditedNode> = {}): AuditedNode {
  const podCidrs = ['10.244.1.0/24', 'fd00:244:1::/64'];
  return { name: 'node-1', podCidrs, agent: { cidrs: podCidrs, allocations }, ...more };
}
const found = (nodes: AuditedNode[], pods: AuditedPod[]) =>
  auditAddresses(nodes, pods).map(({ kind, node, message }) => `${kind} ${node}: ${message}`);

const ips = ['10.244.1.2', 'fd00:244:1::2'];

it('finds nothing where all is one', () => {
  expect(found([node([allocation('web', ips)])], [pod('web', ips)])).toEqual([]);
});

it('finds nothing in a pod that has no address yet, nor in what its agent has made for it', () => {
  expect(found([node([])], [pod('web', [])])).toEqual([]);
  expect(found([node([allocation('web', ips, { confirmed: false })])], [pod('web', [])])).toEqual([]);
});

it('knows a pod by its name where the runtime gave no uid', () => {
  expect(found([node([allocation('web', ips, { uid: '' })])], [pod('web', ips)])).toEqual([]);
});

it('finds addresses without a pod: of one that is gone, was made anew, or is elsewhere', () => {
  const leak =
    'leaked node-1: 10.244.1.2 and fd00:244:1::2 of shop/web (container c-web) belong to no pod of the node';
  expect(found([node([allocation('web', ips)])], [])).toEqual([leak]);
  expect(found([node([allocation('web', ips)])], [pod('web', [], { uid: 'another' })])).toEqual([leak]);
  expect(found([node([allocation('web', ips)])], [pod('web', [], { node: 'node-2' })])).toEqual([leak]);
});

it('finds a pod whose address its node gave to nobody, or another', () => {
  expect(found([node([])], [pod('web', ips)])).toEqual([
    "unallocated node-1: shop/web has 10.244.1.2 and fd00:244:1::2, which the node's agent gave to nobody",
  ]);
  expect(found([node([allocation('web', ['10.244.1.3'])])], [pod('web', ['10.244.1.2'])])).toEqual([
    "different node-1: shop/web has 10.244.1.2, and its node's agent gave it 10.244.1.3",
  ]);
});

it('finds one address with two holders, on one node and on two', () => {
  const two = [allocation('web', ['10.244.1.2']), allocation('db', ['10.244.1.2'])];
  expect(found([node(two)], [pod('web', []), pod('db', [])])).toEqual([
    'duplicate node-1: 10.244.1.2 is held by shop/web, and by shop/db on node-1',
  ]);
  const other = pod('db', ['10.244.1.2'], { node: 'node-2' });
  expect(found([node([allocation('web', ['10.244.1.2'])])], [pod('web', ['10.244.1.2']), other])).toEqual([
    'duplicate node-1: 10.244.1.2 is held by shop/web, and by shop/db on node-2',
  ]);
});

it('finds addresses outside the node’s podCIDRs, and an agent that has others', () => {
  const podCidrs = ['10.244.9.0/24'];
  const agent = { cidrs: ['10.244.1.0/24'], allocations: [allocation('web', ['10.244.1.2'])] };
  expect(found([node([], { podCidrs, agent })], [pod('web', ['10.244.1.2'])])).toEqual([
    'other-cidrs node-1: the agent gives addresses of 10.244.1.0/24, and the Node object says 10.244.9.0/24',
    "outside node-1: 10.244.1.2 of shop/web is outside the node's podCIDRs",
  ]);
});

it('finds pools of two nodes that overlap, and not two of one family beside each other', () => {
  const second = node([], {
    name: 'node-2',
    podCidrs: ['10.244.0.0/16'],
    agent: { cidrs: ['10.244.0.0/16'], allocations: [] },
  });
  expect(found([node([]), second], [])).toEqual([
    'overlap node-1: its pool 10.244.1.0/24 and that of node-2, 10.244.0.0/16, have addresses in common',
  ]);
});

it('says nothing of what an agent holds that was not to be asked', () => {
  const { agent, ...unknown } = node([]);
  expect(found([unknown], [pod('web', ips)])).toEqual([]);
});

it('says what to do', () => {
  for (const { remedy } of auditAddresses([node([allocation('web', ips)])], [])) expect(remedy).not.toBe('');
});
