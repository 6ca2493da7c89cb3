import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FakeClient, unreachable } from '../kube/client/fake-client.ts';
import { resources } from '../kube/resources.ts';
import type { Node } from '../kube/types.ts';
import { parseCidr } from '../net/cidr.ts';
import { parseIp } from '../net/ip.ts';
import { FakeClock } from '../util/clock.ts';
import { currentFacts, NodeMemory, nodeFacts } from './node-facts.ts';

const node = (spec: object, status: object = {}, labels = {}) =>
  ({ metadata: { name: 'node-1', labels }, spec, status }) as unknown as Node;

it('are the pod CIDRs, the internal addresses and the zone', () => {
  const addresses = [
    { type: 'Hostname', address: 'node-1' },
    { type: 'InternalIP', address: '172.20.0.1' },
    { type: 'ExternalIP', address: '198.51.100.1' },
    { type: 'InternalIP', address: 'fd00:20::1' },
  ];
  const labels = { 'topology.kubernetes.io/zone': 'a' };
  const spec = { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24', 'fd00:244:1::/64'] };
  expect(nodeFacts(node(spec, { addresses }, labels))).toEqual({
    name: 'node-1',
    podCidrs: [parseCidr('10.244.1.0/24'), parseCidr('fd00:244:1::/64')],
    internalIps: [parseIp('172.20.0.1'), parseIp('fd00:20::1')],
    zone: 'a',
  });
});

it('of a node without podCIDRs come from podCIDR; a new node has none', () => {
  expect(nodeFacts(node({ podCIDR: '10.244.1.0/24' })).podCidrs).toEqual([parseCidr('10.244.1.0/24')]);
  expect(nodeFacts(node({}))).toEqual({ name: 'node-1', podCidrs: [], internalIps: [] });
});

it('are remembered; a memory that is damaged, or another node’s, is none', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-facts-'));
  const path = join(directory, 'state', 'node.json');
  const facts = {
    name: 'n',
    podCidrs: [parseCidr('fd00::/64')],
    internalIps: [parseIp('fd00:20::1')],
    zone: 'z',
  };
  expect(await new NodeMemory(path).load('n')).toBeUndefined();
  await new NodeMemory(path).save(facts);
  expect(await new NodeMemory(path).load('n')).toEqual(facts);
  expect(await new NodeMemory(path).load('m')).toBeUndefined();
  writeFileSync(path, '{"name":');
  expect(await new NodeMemory(path).load('n')).toBeUndefined();
  rmSync(directory, { recursive: true });
});

it('are remembered as they were last, also where saves overlap', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-facts-'));
  const memory = new NodeMemory(join(directory, 'node.json'));
  const facts = (n: number) => ({
    name: 'n',
    podCidrs: [parseCidr(`10.244.${n}.0/24`)],
    internalIps: [],
  });
  await Promise.all([1, 2, 3, 1, 2, 3, 4].map((n) => memory.save(facts(n))));
  expect(await new NodeMemory(join(directory, 'node.json')).load('n')).toEqual(facts(4));
  expect(readdirSync(directory)).toEqual(['node.json']);
  rmSync(directory, { recursive: true });
});

it('are saved again after a failure', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-facts-'));
  const path = join(directory, 'node.json');
  const memory = new NodeMemory(path);
  mkdirSync(path);
  const facts = { name: 'n', podCidrs: [], internalIps: [] };
  await expect(memory.save(facts)).rejects.toThrow('EISDIR');
  rmSync(path, { recursive: true });
  await memory.save(facts);
  expect(await new NodeMemory(path).load('n')).toEqual(facts);
  rmSync(directory, { recursive: true });
});

describe('as the API has them now', () => {
  const clock = new FakeClock();
  const ask = (client: Pick<FakeClient, 'get'>) => currentFacts({ client, clock }, 'node-1');

  it('are those of a Node that was made anew', async () => {
    const client = new FakeClient();
    client.seed(resources.nodes, node({ podCIDRs: ['10.244.7.0/24'] }));
    expect((await ask(client))?.podCidrs).toEqual([parseCidr('10.244.7.0/24')]);
  });

  it('are unknown where it knows no such Node, does not answer, or takes long', async () => {
    const client = new FakeClient();
    expect(await ask(client)).toBeUndefined();
    client.intercept = () => {
      throw unreachable();
    };
    expect(await ask(client)).toBeUndefined();
    const facts = ask({ get: () => new Promise(() => {}) });
    await clock.advance(2000);
    expect(await facts).toBeUndefined();
  });
});
