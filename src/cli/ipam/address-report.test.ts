import { expect, it } from 'vitest';
import type { Pod } from '../../kube/types.ts';
import { checkText } from '../ipam.ts';
import { addressTables, allocationViews, poolViews, silentText } from './address-report.ts';
import { auditedPod, type NodeAddresses } from './address-sources.ts';

const allocation = (pod: string | undefined, ip: string, confirmed = true) => ({
  ...{ containerId: `c-${ip}`, ifName: 'eth0', ips: [ip], confirmed },
  ...(pod !== undefined && { namespace: 'shop', pod, uid: pod }),
});
const nodes: NodeAddresses[] = [
  {
    ...{ name: 'node-1', podCidrs: ['10.244.1.0/24', 'fd00:244:1::/64'] },
    pools: [
      { cidr: '10.244.1.0/24', size: '254', used: 3, resting: 1 },
      { cidr: 'fd00:244:1::/64', size: '18446744073709551615', used: 0, resting: 0 },
    ],
    agent: {
      cidrs: ['10.244.1.0/24', 'fd00:244:1::/64'],
      allocations: [
        allocation('web', '10.244.1.2'),
        allocation('gone', '10.244.1.3'),
        allocation(undefined, '10.244.1.4', false),
      ],
    },
  },
  { name: 'node-2', podCidrs: ['10.244.2.0/24'], pools: [], problem: 'only for the node itself' },
];
const pods = [{ namespace: 'shop', name: 'web', uid: 'web', node: 'node-1', ips: ['10.244.1.2'] }];

it('counts what is free, and what is never given', () => {
  expect(poolViews({ nodes, pods })).toEqual([
    {
      ...{ node: 'node-1', cidr: '10.244.1.0/24', size: '254' },
      ...{ used: '3', free: '250', resting: '1', reserved: '2' },
    },
    {
      ...{ node: 'node-1', cidr: 'fd00:244:1::/64', size: '18446744073709551615' },
      ...{ used: '0', free: '18446744073709551615', resting: '0', reserved: '1' },
    },
  ]);
});

it('tells whose each address is', () => {
  expect(allocationViews({ nodes, pods }).map(({ ips: [ip], pod, state }) => [ip, pod, state])).toEqual([
    ['10.244.1.2', 'shop/web', 'in use'],
    ['10.244.1.3', 'shop/gone', 'no pod'],
    ['10.244.1.4', undefined, 'making'],
  ]);
});

it('prints both as tables, and which agents said nothing', () => {
  const text = addressTables({ nodes, pods });
  expect(text).toMatch(/^node-1 +10.244.1.0\/24 +254 +3 +250 +1 +2$/m);
  expect(text).toMatch(/^node-1 +10.244.1.3 +shop\/gone +c-10.244.1.3 +eth0 +no pod$/m);
  expect(text).toContain('  node-2: only for the node itself\n');
});

it('says what is wrong and what to do, or that all is well', () => {
  const finding = { kind: 'leaked', node: 'node-1', message: 'it leaks', remedy: 'mend it' } as const;
  expect(checkText([finding], '')).toBe('node-1: it leaks\n  mend it\n');
  expect(checkText([], '')).toBe('Every address is its pod’s.\n');
  expect(checkText([], silentText([nodes[1]!]))).toContain('node-2: only for the node itself');
});

it('asks no address of pods on the node’s network, of none, or that have ended', () => {
  const pod = (spec: object, status: object) =>
    auditedPod({ metadata: { namespace: 'shop', name: 'web', uid: 'u' }, spec, status } as unknown as Pod);
  const podIPs = [{ ip: '10.244.1.2' }];
  expect(pod({ nodeName: 'node-1' }, { podIPs })[0]!.ips).toEqual(['10.244.1.2']);
  expect(pod({ nodeName: 'node-1' }, { podIPs, phase: 'Succeeded' })[0]!.ips).toEqual([]);
  expect(pod({ nodeName: 'node-1', hostNetwork: true }, { podIPs })).toEqual([]);
  expect(pod({}, {})).toEqual([]);
});
