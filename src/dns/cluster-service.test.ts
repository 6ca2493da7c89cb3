import { expect, test } from 'vitest';
import { ApiError } from '../kube/client/api-error.ts';
import { FakeClient } from '../kube/client/fake-client.ts';
import { resources } from '../kube/resources.ts';
import { dnsServiceIps, ensureClusterService } from './cluster-service.ts';

const cidrs = { metadata: { name: 'kubernetes' }, spec: { cidrs: ['10.96.0.0/16', 'fd96::/112'] } };

test('the tenth address of each Service CIDR is where kubelets expect cluster DNS', () => {
  expect(dnsServiceIps([cidrs] as never)).toEqual(['10.96.0.10', 'fd96::a']);
  expect(dnsServiceIps([])).toEqual([]);
});

test('Service and Corefile are made where there are none', async () => {
  const client = new FakeClient({});
  client.seed(resources.serviceCidrs, cidrs as never);
  await ensureClusterService(client, { zone: 'cluster.local' });
  const [service] = client.objects(resources.services);
  expect(service!.spec).toMatchObject({
    clusterIPs: ['10.96.0.10', 'fd96::a'],
    selector: { 'k8s-app': 'kube-dns' },
    trafficDistribution: 'PreferSameNode',
  });
  expect(client.objects(resources.configMaps)[0]!.data!.Corefile).toContain('kubernetes cluster.local');
});

test('an API server that knows no PreferSameNode gets a Service without', async () => {
  const client = new FakeClient({});
  const create = client.create.bind(client);
  client.create = async (type, object) => {
    const { trafficDistribution } = (object as { spec?: { trafficDistribution?: string } }).spec ?? {};
    if (trafficDistribution === undefined) return await create(type, object);
    throw new ApiError({
      code: 422,
      reason: 'Invalid',
      message: 'Unsupported value: "PreferSameNode"',
    } as never);
  };
  await ensureClusterService(client, { zone: 'cluster.local' });
  expect(client.objects(resources.services)[0]!.spec).not.toHaveProperty('trafficDistribution');
});

test('those that are there stay as they are', async () => {
  const client = new FakeClient({});
  client.seed(resources.serviceCidrs, cidrs as never);
  const metadata = { namespace: 'kube-system', name: 'kube-dns' };
  client.seed(resources.services, { metadata, spec: { clusterIP: '10.96.0.99' } } as never);
  client.seed(resources.configMaps, {
    metadata: { ...metadata, name: 'coredns' },
    data: { Corefile: 'mine' },
  } as never);
  await ensureClusterService(client, { zone: 'cluster.local' });
  expect(client.objects(resources.services)[0]!.spec!.clusterIP).toBe('10.96.0.99');
  expect(client.objects(resources.configMaps)[0]!.data).toEqual({ Corefile: 'mine' });
});

test('a server that comes second takes what the first made, whatever the API server says of the address', async () => {
  const client = new FakeClient({});
  client.seed(resources.serviceCidrs, cidrs as never);
  const taken = {
    metadata: { namespace: 'kube-system', name: 'kube-dns' },
    spec: { clusterIP: '10.96.0.10' },
  };
  const create = client.create.bind(client);
  client.create = async (type, object) => {
    if (type.kind !== 'Service') return await create(type, object);
    client.seed(resources.services, taken as never);
    throw new Error('failed to allocate IP 10.96.0.10: provided IP is already allocated');
  };
  await ensureClusterService(client, { zone: 'cluster.local' });
  expect(client.objects(resources.services)).toHaveLength(1);
});
