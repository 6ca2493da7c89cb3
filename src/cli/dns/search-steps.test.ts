import { expect, test } from 'vitest';
import {
  externalName,
  headless,
  http,
  lookupOver,
  namespace,
  service,
  slice,
  storesOf,
} from '../../dns/plugins/kubernetes/testing/cluster.ts';
import { searchOrder, searchSteps } from './search-steps.ts';

const searches = ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local'];

test.each<[string, number, string[]]>([
  ['web', 5, ['web.shop.svc.cluster.local', 'web.svc.cluster.local', 'web.cluster.local', 'web']],
  ['www.example.com', 2, ['www.example.com', ...searches.map((domain) => `www.example.com.${domain}`)]],
  ['WWW.example.com.', 5, ['www.example.com']],
])('%s with ndots:%i', (name, ndots, expected) => {
  expect(searchOrder(name, { searches, ndots })).toEqual(expected);
});

const lookup = lookupOver(
  storesOf({
    namespaces: [namespace('shop')],
    services: [
      service('shop/web', { clusterIPs: ['10.96.0.20'], ports: [http] }),
      headless('shop/db'),
      headless('shop/idle'),
      externalName('shop/out', 'www.example.com'),
    ],
    slices: [slice('shop/db', { endpoints: [{ addresses: ['10.244.1.2'], hostname: 'db-0' }] })],
  }),
  { pods: 'insecure' },
);

test('each name is asked until one has an answer', async () => {
  const steps = await searchSteps(lookup, searchOrder('db.shop', { searches, ndots: 5 }), 'A');
  expect(steps).toEqual([
    {
      question: 'db.shop.shop.svc.cluster.local',
      type: 'A',
      by: 'kubernetes',
      outcome: 'NXDOMAIN',
      why: 'there is no Service shop/shop',
      records: [],
    },
    {
      question: 'db.shop.svc.cluster.local',
      type: 'A',
      by: 'kubernetes',
      outcome: 'answered',
      why: 'headless Service shop/db with 1 ready endpoint(s)',
      records: ['db.shop.svc.cluster.local 5 A 10.244.1.2'],
    },
  ]);
});

test.each([
  ['web.shop.svc.cluster.local', 'answered', 'Service shop/web with ClusterIP 10.96.0.20'],
  [
    '_http._tcp.web.shop.svc.cluster.local',
    'answered',
    'port http of Service shop/web with ClusterIP 10.96.0.20',
  ],
  ['db-0.db.shop.svc.cluster.local', 'answered', 'an endpoint of Service shop/db'],
  ['db-1.db.shop.svc.cluster.local', 'NXDOMAIN', 'Service shop/db has no ready endpoint db-1'],
  ['idle.shop.svc.cluster.local', 'NXDOMAIN', 'headless Service shop/idle with 0 ready endpoint(s)'],
  ['out.shop.svc.cluster.local', 'NODATA', 'Service shop/out is another name for www.example.com'],
  ['10-1-2-3.shop.pod.cluster.local', 'answered', 'the name is a pod address with dashes'],
  ['web.nowhere.svc.cluster.local', 'NXDOMAIN', 'there is no namespace nowhere'],
  ['shop.svc.cluster.local', 'NODATA', 'Services of namespace shop are below'],
  ['svc.cluster.local', 'NODATA', "all of the cluster's Services are below"],
  ['web.cluster.local', 'NXDOMAIN', 'no name of a Service or a pod looks like this'],
  ['cluster.local', 'NODATA', 'the zone itself'],
  ['www.example.com', 'elsewhere', 'not below the cluster zone: the servers that it is forwarded to know'],
])('why %s', async (name, outcome, why) => {
  const [step] = await searchSteps(lookup, [name], 'A');
  expect(step).toMatchObject({ outcome, why });
});
