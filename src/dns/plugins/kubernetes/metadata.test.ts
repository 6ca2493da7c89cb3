import { expect, test } from 'vitest';
import type { Query } from '../../plugin.ts';
import { queryFor } from '../../testing/ask.ts';
import { collectMetadata, podSearchPath } from './metadata.ts';
import { lookupOver, namespace, pod, storesOf } from './testing/cluster.ts';

const labels = { 'app.kubernetes.io/name': 'foo', bar: 'baz' };
const stores = storesOf({
  namespaces: [namespace('podns')],
  pods: [
    pod('podns/foo', '10.240.0.1', labels),
    {
      ...pod('podns/leaving', '10.240.0.2'),
      metadata: { ...pod('podns/leaving', '').metadata, deletionTimestamp: 'now' },
    },
    {
      ...pod('podns/dual', '10.240.0.3'),
      status: { podIP: '10.240.0.3', podIPs: [{ ip: '10.240.0.3' }, { ip: 'fd00::3' }] },
    },
  ],
});
const { pods: _, ...withoutPods } = stores;

const from = (address: string): Partial<Query> => ({ client: { address, port: 1 } });

function collected(query: Query, fields: Parameters<typeof lookupOver>[1] = {}, verified = false) {
  const metadata = new Map<string, string>();
  const zones = ['cluster.local', 'clusterset.local'];
  const lookup = lookupOver(verified ? stores : withoutPods, {
    zones,
    multiclusterZones: ['clusterset.local'],
    ...fields,
  });
  collectMetadata(lookup, { ...query, metadata });
  return Object.fromEntries([...metadata].map(([name, value]) => [name.replace('kubernetes/', ''), value]));
}

const none = { endpoint: '', 'port-name': '', protocol: '' };

test.each<[string, Record<string, string>]>([
  ['foo.bar.notapod.cluster.local', { 'parse-error': 'invalid query name' }],
  ['10-240-0-1.podns.pod.cluster.local', { ...none, kind: 'pod', namespace: 'podns', service: '10-240-0-1' }],
  ['s.ns.svc.cluster.local', { ...none, kind: 'svc', namespace: 'ns', service: 's' }],
  [
    '_http._tcp.s.ns.svc.cluster.local',
    { ...none, kind: 'svc', namespace: 'ns', service: 's', 'port-name': 'http', protocol: 'tcp' },
  ],
  ['ep.s.ns.svc.cluster.local', { ...none, kind: 'svc', namespace: 'ns', service: 's', endpoint: 'ep' }],
  [
    'ep.c1.s.ns.svc.clusterset.local',
    { ...none, kind: 'svc', namespace: 'ns', service: 's', endpoint: 'ep', cluster: 'c1' },
  ],
  ['example.com', {}],
])('%s', (name, expected) => {
  expect(collected(queryFor(name, 'A'))).toEqual(expected);
});

test('zonal names tell their zone', () => {
  const query = queryFor('corp.example.com.pin._zone.db.ns.svc.cluster.local', 'A');
  expect(collected(query, { zonal: true })).toMatchObject({ zone: 'corp.example.com', service: 'db' });
});

test('pods verified: the pod that asks', () => {
  expect(collected(queryFor('example.com', 'A'), {}, true)).toEqual({
    'client-namespace': 'podns',
    'client-pod-name': 'foo',
    'client-label/app.kubernetes.io/name': 'foo',
    'client-label/bar': 'baz',
  });
  expect(collected(queryFor('example.com', 'A', from('10.240.0.2')), {}, true)).toEqual({});
});

test('the search path of a pod, of either family', () => {
  const lookup = lookupOver(stores, { zones: ['cluster.local'] });
  const expected = ['podns.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp.example', ''];
  for (const address of ['10.240.0.1', 'fd00::3', 'fd00:0::3'])
    expect(podSearchPath(lookup, queryFor('x.cluster.local', 'A', from(address)), ['corp.example'])).toEqual(
      expected,
    );
  expect(podSearchPath(lookup, queryFor('x.cluster.local', 'A', from('192.0.2.1')), [])).toBeUndefined();
  expect(podSearchPath(lookup, queryFor('example.com', 'A'), [])).toBeUndefined();
  const root = lookupOver(stores, { zones: [''] });
  expect(podSearchPath(root, queryFor('x', 'A'), [])).toEqual(['podns.svc', 'svc', '', '']);
});
