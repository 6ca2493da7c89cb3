import { expect, it } from 'vitest';
import { FakeClient } from '../kube/client/fake-client.ts';
import { resources } from '../kube/resources.ts';
import type { Pod } from '../kube/types.ts';
import { deletePods } from './pods.ts';

it('leaves one alone that has the name of a pod that is gone meanwhile', async () => {
  const client = new FakeClient();
  const spec = { containers: [], terminationGracePeriodSeconds: 0 };
  const make = (name: string) =>
    client.seed(resources.pods, { metadata: { namespace: 'shop', name }, spec } as never) as Pod;
  const [first, second] = [make('db-0'), make('db-1')];
  await client.delete(resources.pods, first.metadata, { gracePeriodSeconds: 0 });
  const next = make('db-0');
  expect(await deletePods(client, [first, second], { timeoutMs: 1000 })).toEqual([]);
  expect(client.objects(resources.pods).map(({ metadata }) => metadata.uid)).toEqual([next.metadata.uid]);
});
