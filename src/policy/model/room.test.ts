/** Policies that ask for more than a node has room for: what is beyond allows nothing, and is told. */
import { expect, test } from 'vitest';
import { parseIp } from '../../net/ip.ts';
import { judge } from '../judge.ts';
import { namespace, pod, policy, TestCluster } from '../testing/objects.ts';
import { placeMany } from './block-table.ts';
import { ipBlock } from './ip-block.ts';
import { room } from './room.ts';
import { RuleTable } from './rule-table.ts';

const tcp = 6;
const blockOf = (cidr: string, ...except: string[]) => ipBlock({ cidr, except })!;
const alike = (count: number) =>
  Array.from({ length: count }, (_, i) => blockOf('10.0.0.0/8', `10.${i >> 8}.${i & 255}.0/24`));

test('blocks of one CIDR that are too many leave room for others', () => {
  const rare = blockOf('192.0.2.0/24');
  const { held, leftOut } = placeMany([...alike(2000), rare]);
  expect(leftOut).toBeGreaterThan(0);
  expect([...held.get('192.0.2.0/24')!]).toEqual([rare.text]);
});

test('blocks that fit are all there', () => {
  const { held, leftOut } = placeMany(alike(100));
  expect(leftOut).toBe(0);
  expect(held.get('10.0.0.0/8')!.size).toBe(100);
  expect(held.get('10.0.7.0/24')!.size).toBe(99);
});

test('where nothing fits nothing is held', () => {
  expect(placeMany(alike(3), 0)).toEqual({ held: new Map(), leftOut: 3 });
});

test('a rule of too many blocks times ports allows nothing; the policy’s others do', () => {
  const size = Math.ceil(Math.sqrt(room.blockPorts)) + 1;
  const to = Array.from({ length: size }, (_, i) => ({ ipBlock: { cidr: `10.${i >> 8}.${i & 255}.0/24` } }));
  const ports = Array.from({ length: size }, (_, i) => ({ port: 2000 + i }));
  const cluster = new TestCluster({
    namespaces: [namespace('a')],
    pods: [pod('a/web', { ips: ['10.9.9.9'], local: true })],
    policies: [
      policy('a/large', {
        podSelector: {},
        policyTypes: ['Egress'],
        egress: [{ to, ports }, { to: [{ ipBlock: { cidr: '192.0.2.0/24' } }] }],
      }),
    ],
  });
  const reaches = (peer: string, port: number) =>
    judge(cluster.state(), {
      ...{ pod: parseIp('10.9.9.9'), direction: 'egress', peer: parseIp(peer) },
      ...{ protocol: tcp, port },
    });
  expect(reaches('10.0.0.1', 2000)).toBe(false);
  expect(reaches('192.0.2.1', 80)).toBe(true);
  expect(cluster.calculator.problem).toContain('a/large');
  cluster.policies.replace([]);
  cluster.state();
  expect(cluster.calculator.problem).toBeUndefined();
});

test('rules beyond the limit are left out, and those that are there stay exact', () => {
  const table = new RuleTable(2);
  const rule = (port: number) => ({
    ...({ subject: 1n, direction: 'egress', peer: 2n, protocol: tcp, port, portBits: 16 } as const),
  });
  for (const port of [1, 2, 3]) table.add(rule(port));
  expect([...table.rules.values()].map(({ port }) => port)).toEqual([1, 2]);
  expect(table.problem).toContain('2');
  for (const port of [3, 2, 1]) table.remove(rule(port));
  expect([table.rules.size, table.problem]).toEqual([0, undefined]);
});
