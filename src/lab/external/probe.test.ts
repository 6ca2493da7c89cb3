import { describe, expect, test } from 'vitest';
import { ApiError } from '../../kube/client/api-error.ts';
import { notFound } from '../apiserver/status.ts';
import { probe, type Reader, requireFreeNames } from './probe.ts';

const endpoint = { server: 'https://127.0.0.1:6443' };

interface Cluster {
  version: string;
  allowed: boolean;
  /** Seconds since the lease was renewed, of who holds it. */
  leases: Record<string, number>;
}

const cluster = ({ version = 'v1.36.3', allowed = true, leases = {} }: Partial<Cluster> = {}): Reader => {
  const objects: Record<string, unknown> = {
    kubernetes: { ports: [{ port: 6443 }], endpoints: [{ addresses: ['192.0.2.2'] }] },
    'extension-apiserver-authentication': { data: { 'client-ca-file': 'CA' } },
  };
  const lease = (name: string) => ({
    spec: {
      holderIdentity: 'somebody',
      leaseDurationSeconds: 15,
      renewTime: new Date(Date.now() - leases[name]! * 1000).toISOString(),
    },
  });
  const answers: Record<string, unknown> = {
    '/version': { gitVersion: version },
    '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews': { status: { allowed } },
    '/apis/networking.k8s.io/v1/servicecidrs/kubernetes': { spec: { cidrs: ['10.96.0.0/16'] } },
  };
  return {
    get: async (type, { name }) => {
      if (type.kind === 'Lease' && leases[name] !== undefined) return lease(name) as never;
      if (type.kind === 'Lease') throw new ApiError(notFound(type, name).status);
      return objects[name] as never;
    },
    list: async () => ({ items: [{ metadata: { name: 'node-1' } }], resourceVersion: '1' }) as never,
    request: async (_, path) => answers[path],
  };
};

test('what a lab needs to know', async () => {
  const { server, ...rest } = await probe(cluster(), endpoint, 'auto');
  expect(rest).toEqual({ serviceCidrs: ['10.96.0.0/16'], nodes: ['node-1'] });
  const advertised = [{ ip: '192.0.2.2', port: 6443 }];
  expect(server).toMatchObject({ version: 'v1.36.3', advertised, clientCa: 'CA' });
});

describe('whose controllers run', () => {
  test.each([
    ['auto', {}, { controllers: true, scheduler: true }],
    ['auto', { 'kube-scheduler': 2 }, { controllers: true, scheduler: false }],
    ['auto', { 'kube-controller-manager': 2, 'kube-scheduler': 60 }, { controllers: false, scheduler: true }],
    ['external', {}, { controllers: false, scheduler: false }],
    ['lab', { 'kube-scheduler': 2 }, { controllers: true, scheduler: true }],
  ] as const)('%s, leases renewed %j s ago', async (choice, leases, runs) => {
    expect((await probe(cluster({ leases }), endpoint, choice)).server.runs).toEqual(runs);
  });
});

test.each([
  [{ version: 'v1.32.9' }, 'a lab needs v1.33'],
  [{ version: '' }, 'is no Kubernetes API server'],
  [{ allowed: false }, 'may not do everything'],
])('%j is refused', async (given, message) => {
  await expect(probe(cluster(given), endpoint, 'auto')).rejects.toThrow(message);
});

test('names of nodes that are there already', () => {
  expect(() => requireFreeNames(['a', 'node-2'], ['node-1', 'node-2'])).toThrow(/already: node-2$/);
  expect(() => requireFreeNames(['a'], ['node-1'])).not.toThrow();
});
