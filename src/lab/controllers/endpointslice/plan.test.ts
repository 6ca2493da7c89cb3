import { describe, expect, test } from 'vitest';
import type { EndpointSlice, Pod, Service } from '../../../kube/types.ts';
import { meta, node, type PodTraits, pod } from '../test-objects.ts';
import { subsetsOf } from './endpoints-object.ts';
import { planSlices, type SlicePlan } from './plan.ts';

type Spec = NonNullable<Service['spec']>;

function service(spec: Partial<Spec> = {}, labels: Record<string, string> = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta('web', { labels }),
    spec: { ipFamilies: ['IPv4', 'IPv6'], ports: [{ port: 80, targetPort: 8080, protocol: 'TCP' }], ...spec },
  };
}

const backend = (n: number, traits: PodTraits = {}) =>
  pod(`web-${n}`, {
    ready: true,
    node: 'n1',
    ips: [`10.0.${n >> 8}.${n & 255}`, `fd00::${n.toString(16)}`],
    ...traits,
  });

const nodes = { n1: node('n1', { labels: { 'topology.kubernetes.io/zone': 'a' } }) };

function plan(of: Service, pods: Pod[], slices: EndpointSlice[] = []): SlicePlan {
  return planSlices({ service: of, pods, slices, node: (name) => nodes[name as 'n1'] });
}

/** The plan carried out. */
function apply(of: Service, pods: Pod[], slices: EndpointSlice[] = []): EndpointSlice[] {
  const { create, update, remove } = plan(of, pods, slices);
  const kept = slices.filter((slice) => !remove.includes(slice));
  const changed = kept.map((slice) => update.find((u) => u.metadata.name === slice.metadata.name) ?? slice);
  const made = create.map((slice, i) => ({
    ...slice,
    metadata: { ...meta(`web-${slices.length + i}`), ...slice.metadata },
  }));
  return [...changed, ...made] as EndpointSlice[];
}

const v4 = (slices: EndpointSlice[]) => slices.filter((slice) => slice.addressType === 'IPv4');
const first = (of: Service, ...pods: Pod[]) => v4(apply(of, pods))[0]?.endpoints?.[0];

test('one slice for each family, found by the Service it is of', () => {
  const slices = apply(service({}, { team: 'shop' }), [backend(1), backend(2)]);
  expect(
    slices.map(({ addressType, endpoints }) => [addressType, endpoints?.map((e) => e.addresses[0])]),
  ).toEqual([
    ['IPv4', ['10.0.0.1', '10.0.0.2']],
    ['IPv6', ['fd00::1', 'fd00::2']],
  ]);
  expect(slices[0]).toMatchObject({
    metadata: {
      generateName: 'web-',
      labels: {
        team: 'shop',
        'kubernetes.io/service-name': 'web',
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
      ownerReferences: [{ kind: 'Service', name: 'web', controller: true }],
    },
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
  });
  expect(slices[0]?.endpoints?.[0]).toEqual({
    addresses: ['10.0.0.1'],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: 'n1',
    zone: 'a',
    targetRef: { kind: 'Pod', namespace: 'default', name: 'web-1', uid: 'uid-web-1' },
  });
});

describe('conditions', () => {
  test.each([
    ['a ready pod', {}, {}, { ready: true, serving: true, terminating: false }],
    ['a pod that is not ready', { ready: false }, {}, { ready: false, serving: false, terminating: false }],
    [
      'one that ends but still serves',
      { terminating: true },
      {},
      { ready: false, serving: true, terminating: true },
    ],
    [
      'not ready, but published',
      { ready: false },
      { publishNotReadyAddresses: true },
      { ready: true, serving: false, terminating: false },
    ],
  ])('%s', (_what, traits, spec, conditions) => {
    expect(first(service(spec), backend(1, traits))?.conditions).toEqual(conditions);
  });

  test('finished pods and pods without an address are no endpoints', () => {
    const pods = [
      backend(1, { phase: 'Succeeded' }),
      backend(2, { phase: 'Failed' }),
      backend(3, { ips: [] }),
    ];
    expect(first(service(), ...pods)).toBeUndefined();
  });
});

test('a Service without endpoints has one empty slice, which takes the first endpoint', () => {
  const empty = apply(service({ ipFamilies: ['IPv4'] }), []);
  expect(empty.map(({ endpoints, ports }) => [endpoints, ports])).toEqual([[[], []]]);
  expect(plan(service({ ipFamilies: ['IPv4'] }), [], empty)).toEqual({ create: [], update: [], remove: [] });
});

test('named target ports are looked up in each pod: pods that differ are in different slices', () => {
  const named = service({
    ipFamilies: ['IPv4'],
    ports: [{ name: 'http', port: 80, targetPort: 'web', protocol: 'TCP' }],
  });
  const on = (n: number, containerPort: number) =>
    backend(n, { spec: { containers: [{ name: 'c', ports: [{ name: 'web', containerPort }] }] } });
  const slices = apply(named, [on(1, 8080), on(2, 9090), on(3, 8080), backend(4)]);
  expect(slices.map(({ ports, endpoints }) => [ports?.[0]?.port, endpoints?.length])).toEqual([
    [8080, 2],
    [9090, 1],
  ]);
});

test('a headless Service without ports has endpoints without ports', () => {
  const slices = v4(apply(service({ clusterIP: 'None', ports: [] }), [backend(1)]));
  expect(slices.map(({ ports, endpoints }) => [ports, endpoints?.length])).toEqual([[[], 1]]);
  expect(slices[0]?.metadata.labels?.['service.kubernetes.io/headless']).toBe('');
});

test('a pod has a host name of its own where its subdomain is the Service', () => {
  const containers = [{ name: 'c' }];
  expect(
    first(service(), backend(1, { spec: { containers, hostname: 'db-0', subdomain: 'web' } }))?.hostname,
  ).toBe('db-0');
  expect(
    first(service(), backend(1, { spec: { containers, hostname: 'db-0', subdomain: 'x' } }))?.hostname,
  ).toBeUndefined();
});

describe('hints follow trafficDistribution', () => {
  test.each([
    [undefined, undefined],
    ['PreferClose', { forZones: [{ name: 'a' }] }],
    ['PreferSameZone', { forZones: [{ name: 'a' }] }],
    ['PreferSameNode', { forZones: [{ name: 'a' }], forNodes: [{ name: 'n1' }] }],
  ])('%s', (trafficDistribution, hints) => {
    expect(first(service({ trafficDistribution }), backend(1))?.hints).toEqual(hints);
  });

  test('an endpoint that is not ready has none', () => {
    expect(
      first(service({ trafficDistribution: 'PreferClose' }), backend(1, { ready: false }))?.hints,
    ).toBeUndefined();
  });
});

describe('a change touches as little as can be', () => {
  const of = service({ ipFamilies: ['IPv4'] });
  const many = Array.from({ length: 250 }, (_, i) => backend(i + 1));
  const sizes = (slices: EndpointSlice[]) => slices.map((slice) => slice.endpoints?.length);

  test('slices hold at most 100 endpoints', () => {
    expect(sizes(apply(of, many))).toEqual([100, 100, 50]);
  });

  test('nothing changed, nothing to do', () => {
    expect(plan(of, many, apply(of, many))).toEqual({ create: [], update: [], remove: [] });
  });

  test('an endpoint that goes changes its own slice, one that comes fills a gap', () => {
    const before = apply(of, many);
    const without = many.filter((_, i) => i !== 120);
    const after = plan(of, without, before);
    expect([after.create, after.remove, after.update.map(({ metadata }) => metadata.name)]).toEqual([
      [],
      [],
      ['web-1'],
    ]);
    expect(sizes(apply(of, [...without, backend(999)], apply(of, without, before)))).toEqual([100, 100, 50]);
  });

  test('slices that are empty go, but for the last', () => {
    const before = apply(of, many);
    expect(sizes(apply(of, many.slice(0, 30), before))).toEqual([30]);
    expect(sizes(apply(of, [], before))).toEqual([0]);
  });

  test('slices of a family that the Service no longer has go', () => {
    const before = apply(service(), [backend(1)]);
    expect(plan(of, [backend(1)], before).remove.map((slice) => slice.addressType)).toEqual(['IPv6']);
  });
});

test('Endpoints: ready and other addresses of the first family, without terminating pods', () => {
  const pods = [backend(1), backend(2, { ready: false }), backend(3, { terminating: true })];
  expect(subsetsOf({ service: service(), pods })).toMatchObject([
    {
      addresses: [{ ip: '10.0.0.1', nodeName: 'n1', targetRef: { name: 'web-1' } }],
      notReadyAddresses: [{ ip: '10.0.0.2' }],
      ports: [{ port: 8080, protocol: 'TCP' }],
    },
  ]);
});
