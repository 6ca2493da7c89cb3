import { expect, test } from 'vitest';
import { ApiError } from '../../kube/client/api-error.ts';
import { FakeClient } from '../../kube/client/fake-client.ts';
import { resources } from '../../kube/resources.ts';
import { installClusterDns } from './cluster-dns.ts';

const config = { name: 'lab', clusterDomain: 'cluster.local', dnsIps: ['10.96.0.10'] } as never;
const key = { namespace: 'kube-system', name: 'kube-dns' };

async function installed(prepare: (client: FakeClient) => void = () => {}) {
  const client = new FakeClient();
  client.request = (async () => ({})) as never;
  prepare(client);
  await installClusterDns(client, config, 'kubeconfig');
  return (await client.get(resources.services, key)).spec;
}

test('pods ask the server of their own node', async () => {
  expect(await installed()).toMatchObject({ clusterIP: '10.96.0.10', trafficDistribution: 'PreferSameNode' });
});

test('an API server that does not know that wish has the Service without it', async () => {
  const spec = await installed((client) => {
    const create = client.create.bind(client);
    client.create = (async (type, object) => {
      if (
        (object as { spec?: { trafficDistribution?: string } }).spec?.trafficDistribution === 'PreferSameNode'
      )
        throw new ApiError({
          apiVersion: 'v1',
          kind: 'Status',
          metadata: {},
          status: 'Failure',
          reason: 'Invalid',
          code: 422,
        });
      return await create(type, object);
    }) as typeof client.create;
  });
  expect(spec).toMatchObject({ clusterIP: '10.96.0.10' });
  expect(spec).not.toHaveProperty('trafficDistribution');
});
