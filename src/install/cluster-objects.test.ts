import { expect, it } from 'vitest';
import { FakeClient } from '../kube/client/fake-client.ts';
import { resources } from '../kube/resources.ts';
import { type DeployObject, ensureObject } from './cluster-objects.ts';

it('changes what another installation has made meanwhile', async () => {
  const client = new FakeClient();
  const metadata = { namespace: 'tendril-system', name: 'c' };
  client.intercept = ({ verb }) => {
    if (verb !== 'create') return;
    client.intercept = () => {};
    client.seed(resources.configMaps, { metadata, data: { of: 'another' } } as never);
  };
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { of: 'this' } } as DeployObject;
  expect(await ensureObject(client, object)).toBe('changed');
  expect(client.objects(resources.configMaps)[0]!.data).toEqual({ of: 'this' });
});
