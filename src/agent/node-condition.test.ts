import { beforeEach, expect, it } from 'vitest';
import { FakeClient } from '../kube/client/fake-client.ts';
import { resources } from '../kube/resources.ts';
import type { Node } from '../kube/types.ts';
import { FakeClock } from '../util/clock.ts';
import { silentLogger } from '../util/logger.ts';
import { createNodeCondition, type NodeCondition } from './node-condition.ts';

let clock: FakeClock;
let client: FakeClient;
let node: Node;
let condition: NodeCondition;

beforeEach(() => {
  clock = new FakeClock(Date.parse('2030-01-02T03:04:05Z'));
  client = new FakeClient({ clock });
  node = client.seed(resources.nodes, { metadata: { name: 'node-1' } });
  condition = createNodeCondition({ client, clock, logger: silentLogger });
});

const written = () => client.objects(resources.nodes)[0]!.status?.conditions;

it('is written once the network is up, not before', async () => {
  condition.observe(node);
  await clock.advance(5000);
  expect(client.writes).toEqual([]);
  condition.setUp();
  await clock.advance(5000);
  expect(client.writes).toEqual(['patch nodes/status node-1']);
  expect(written()).toEqual([
    expect.objectContaining({
      type: 'NetworkUnavailable',
      status: 'False',
      reason: 'TendrilIsUp',
      lastTransitionTime: '2030-01-02T03:04:10Z',
    }),
  ]);
});

it('is written again to a node object that was made anew, and only to such', async () => {
  condition.setUp();
  condition.observe(node);
  await clock.advance(5000);
  condition.observe(client.objects(resources.nodes)[0]!);
  await clock.advance(5000);
  expect(client.writes).toHaveLength(1);
  condition.observe(client.seed(resources.nodes, { metadata: { name: 'node-1' } }));
  await clock.advance(5000);
  expect(client.writes).toHaveLength(2);
});

it('is tried again while the API is away', async () => {
  let away = true;
  client.intercept = () => {
    if (away) throw new Error('unreachable');
  };
  condition.observe(node);
  condition.setUp();
  await clock.advance(2000);
  away = false;
  await clock.advance(60_000);
  expect(written()).toHaveLength(1);
});
