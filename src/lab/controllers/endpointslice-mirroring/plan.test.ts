import { expect, test } from 'vitest';
import type { EndpointSlice, Endpoints, Service } from '../../../kube/types.ts';
import { planMirror } from './plan.ts';

const meta = { name: 'db', namespace: 'n', uid: 'u' };
const service = { metadata: meta, spec: { ports: [{ port: 5432 }] } } as unknown as Service;

function endpointsOf(subsets: unknown[], metadata: object = {}): Endpoints {
  return { metadata: { ...meta, ...metadata }, subsets } as unknown as Endpoints;
}

const subset = {
  addresses: [
    { ip: '192.0.2.1', nodeName: 'node-1' },
    { ip: '2001:db8::1', hostname: 'one' },
  ],
  notReadyAddresses: [{ ip: '192.0.2.2' }],
  ports: [{ name: 'pg', port: 5432, protocol: 'TCP' }],
};

function made(endpoints: Endpoints): EndpointSlice[] {
  const { create } = planMirror(endpoints, service, []);
  return create.map((slice, i) => ({
    ...slice,
    metadata: { ...slice.metadata, name: `s${i}` },
  })) as EndpointSlice[];
}

test('one slice for each subset and family, with what the Endpoints say', () => {
  const slices = made(endpointsOf([subset], { labels: { app: 'db' }, annotations: { a: 'b' } }));
  expect(slices).toMatchObject([
    {
      metadata: {
        generateName: 'db-',
        labels: {
          app: 'db',
          'kubernetes.io/service-name': 'db',
          'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
        },
        annotations: { a: 'b' },
        ownerReferences: [{ kind: 'Endpoints', name: 'db', uid: 'u' }],
      },
      addressType: 'IPv4',
      endpoints: [
        { addresses: ['192.0.2.1'], conditions: { ready: true }, nodeName: 'node-1' },
        { addresses: ['192.0.2.2'], conditions: { ready: false } },
      ],
      ports: [{ name: 'pg', port: 5432, protocol: 'TCP' }],
    },
    { addressType: 'IPv6', endpoints: [{ addresses: ['2001:db8::1'], hostname: 'one' }] },
  ]);
});

test('what is as it should be is left alone; what is not is changed, or goes', () => {
  const slices = made(endpointsOf([subset]));
  expect(planMirror(endpointsOf([subset]), service, slices)).toEqual({ create: [], update: [], remove: [] });
  const fewer = { ...subset, addresses: [{ ip: '192.0.2.9' }], notReadyAddresses: [] };
  const plan = planMirror(endpointsOf([fewer]), service, slices);
  expect(plan.update).toMatchObject([
    { metadata: { name: 's0' }, endpoints: [{ addresses: ['192.0.2.9'] }] },
  ]);
  expect(plan.remove.map(({ metadata }) => metadata.name)).toEqual(['s1']);
});

test.each<[string, Endpoints | undefined, Service | undefined]>([
  [
    'whose Service has a selector',
    endpointsOf([subset]),
    { ...service, spec: { selector: { a: 'b' } } } as Service,
  ],
  ['without a Service', endpointsOf([subset]), undefined],
  ['that are gone', undefined, service],
  [
    'labelled so',
    endpointsOf([subset], { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } }),
    service,
  ],
  [
    'that are a lock',
    endpointsOf([subset], { annotations: { 'control-plane.alpha.kubernetes.io/leader': '' } }),
    service,
  ],
])('Endpoints %s are not mirrored, or no more', (_, endpoints, of) => {
  const slices = made(endpointsOf([subset]));
  expect(planMirror(endpoints, of, slices)).toEqual({ create: [], update: [], remove: slices });
});

test('no more than a thousand endpoints of a subset', () => {
  const addresses = Array.from({ length: 1001 }, (_, i) => ({ ip: `10.1.${i >> 8}.${i & 255}` }));
  expect(made(endpointsOf([{ addresses, ports: [] }]))[0]!.endpoints).toHaveLength(1000);
});
