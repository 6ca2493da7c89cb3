import { expect, it } from 'vitest';
import { FakeClient } from '../kube/client/fake-client.ts';
import { resources } from '../kube/resources.ts';
import { FakeClock } from '../util/clock.ts';
import { silentLogger } from '../util/logger.ts';
import { createNodeTaint } from './node-taint.ts';

const other = { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' };

function rig(taints: object[]) {
  const clock = new FakeClock(0);
  const client = new FakeClient({ clock });
  const node = client.seed(resources.nodes, { metadata: { name: 'node-1' }, spec: { taints } } as never);
  const taint = createNodeTaint({ client, key: 'tendril.dev/starting', clock, logger: silentLogger });
  taint.observe(node);
  return { clock, client, taint, taints: () => client.objects(resources.nodes)[0]!.spec?.taints };
}

it('is removed once the network is up, not before, and others stay', async () => {
  const { clock, client, taint, taints } = rig([other, { key: 'tendril.dev/starting', effect: 'NoExecute' }]);
  await clock.advance(5000);
  expect(client.writes).toEqual([]);
  taint.setUp();
  await clock.advance(5000);
  expect(taints()).toEqual([other]);
});

it('is not looked for where the node has none', async () => {
  const { clock, client, taint } = rig([other]);
  taint.setUp();
  await clock.advance(5000);
  expect(client.writes).toEqual([]);
});
