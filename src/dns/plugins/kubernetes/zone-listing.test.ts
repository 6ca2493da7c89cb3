import { expect, test } from 'vitest';
import { recordText } from './testing/case-table.ts';
import {
  externalName,
  headless,
  http,
  lookupOver,
  namespace,
  service,
  slice,
  storesOf,
} from './testing/cluster.ts';
import { listRecords } from './zone-listing.ts';

const lookup = lookupOver(
  storesOf({
    namespaces: [namespace('shop'), namespace('b')],
    services: [
      service('b/web', { clusterIPs: ['10.96.0.20', 'fd00::20'], ports: [http] }),
      headless('shop/db'),
      headless('shop/idle', { ports: [http] }),
      externalName('shop/out', 'www.example.com'),
      service('gone/web', { clusterIPs: ['10.96.0.21'], ports: [http] }),
    ],
    slices: [
      slice('shop/db', { endpoints: [{ addresses: ['10.244.1.2'], hostname: 'db-0' }, '10.244.1.3'] }),
    ],
  }),
);

const text = (fields = {}) => listRecords(lookup, 'cluster.local', fields).map((one) => recordText(one));

test('all records of the zone by name', () => {
  expect(text()).toEqual([
    '10-244-1-3.db.shop.svc.cluster.local A 10.244.1.3',
    '_http._tcp.db.shop.svc.cluster.local SRV 0 50 80 db-0.db.shop.svc.cluster.local',
    '_http._tcp.db.shop.svc.cluster.local SRV 0 50 80 10-244-1-3.db.shop.svc.cluster.local',
    '_http._tcp.web.b.svc.cluster.local SRV 0 50 80 web.b.svc.cluster.local',
    'db-0.db.shop.svc.cluster.local A 10.244.1.2',
    'db.shop.svc.cluster.local A 10.244.1.2',
    'db.shop.svc.cluster.local A 10.244.1.3',
    'dns-version.cluster.local 28800 TXT 1.1.0',
    'out.shop.svc.cluster.local CNAME www.example.com',
    'web.b.svc.cluster.local A 10.96.0.20',
    'web.b.svc.cluster.local AAAA fd00::20',
  ]);
});

test('of one namespace', () => {
  expect(text({ namespace: 'b' })).toEqual([
    '_http._tcp.web.b.svc.cluster.local SRV 0 50 80 web.b.svc.cluster.local',
    'web.b.svc.cluster.local A 10.96.0.20',
    'web.b.svc.cluster.local AAAA fd00::20',
  ]);
});
