/** A cluster's zone as it is transferred; what CoreDNS's xfr_test.go asks of it. */
import { expect, test } from 'vitest';
import { recordTypes, responseCodes } from '../../message/constants.ts';
import { queryFor, replyFrom } from '../../testing/ask.ts';
import { kubernetesPlugin } from './kubernetes.ts';
import { recordText } from './testing/case-table.ts';
import {
  externalName,
  headless,
  http,
  importedSlice,
  lookupOver,
  namespace,
  service,
  serviceImport,
  slice,
  storesOf,
} from './testing/cluster.ts';

const stores = storesOf({
  namespaces: [namespace('shop'), namespace('b')],
  services: [
    service('shop/web', { clusterIPs: ['10.96.0.20', 'fd00::20'], ports: [http, { port: 81 }] }),
    service('b/web', { clusterIPs: ['10.96.0.22'] }),
    headless('shop/db'),
    externalName('shop/out', 'www.example.com'),
    service('gone/web', { clusterIPs: ['10.96.0.21'], ports: [http] }),
  ],
  slices: [slice('shop/db', { endpoints: [{ addresses: ['10.244.1.2'], hostname: 'db-0' }, 'fd00::3'] })],
  imports: [serviceImport('shop/far', { type: 'ClusterSetIP', ips: ['10.97.0.1'], ports: [http] })],
  importSlices: [importedSlice('shop/far', { endpoints: ['10.1.0.1'] })],
});
const plugin = kubernetesPlugin({
  lookup: lookupOver(stores, {
    zones: ['cluster.local', '10.in-addr.arpa', 'clusterset.local'],
    multiclusterZones: ['clusterset.local'],
    serverIps: ['10.0.0.10', 'fd00::10'],
  }),
});
const transferred = async (zone: string, serial = 0) =>
  (await plugin.transfer(zone, serial))?.map((one) => recordText(one));

test('all Services by name, between two SOA records, behind the name servers and their addresses', async () => {
  const all = (await transferred('cluster.local'))!;
  expect(all[0]).toContain('cluster.local SOA ns.dns.cluster.local');
  expect(all.at(-1)).toBe(all[0]);
  expect(all.slice(1, -1)).toEqual([
    'cluster.local NS ns.dns.cluster.local',
    'ns.dns.cluster.local A 10.0.0.10',
    'ns.dns.cluster.local AAAA fd00::10',
    'db.shop.svc.cluster.local A 10.244.1.2',
    'db-0.db.shop.svc.cluster.local A 10.244.1.2',
    '_http._tcp.db.shop.svc.cluster.local SRV 0 50 80 db-0.db.shop.svc.cluster.local',
    'db.shop.svc.cluster.local AAAA fd00::3',
    'fd00--3.db.shop.svc.cluster.local AAAA fd00::3',
    '_http._tcp.db.shop.svc.cluster.local SRV 0 50 80 fd00--3.db.shop.svc.cluster.local',
    'out.shop.svc.cluster.local CNAME www.example.com',
    'web.b.svc.cluster.local A 10.96.0.22',
    'web.shop.svc.cluster.local A 10.96.0.20',
    'web.shop.svc.cluster.local AAAA fd00::20',
    'web.shop.svc.cluster.local SRV 0 100 80 web.shop.svc.cluster.local',
    '_http._tcp.web.shop.svc.cluster.local SRV 0 100 80 web.shop.svc.cluster.local',
    'web.shop.svc.cluster.local SRV 0 100 81 web.shop.svc.cluster.local',
  ]);
});

test('the imports of a multicluster zone', async () => {
  expect((await transferred('clusterset.local'))!.slice(4, -1)).toEqual([
    'far.shop.svc.clusterset.local A 10.97.0.1',
    'far.shop.svc.clusterset.local SRV 0 100 80 far.shop.svc.clusterset.local',
    '_http._tcp.far.shop.svc.clusterset.local SRV 0 100 80 far.shop.svc.clusterset.local',
  ]);
});

test('who asks at one time is sent one list, until something changes', async () => {
  const [one, other] = [plugin.transfer('cluster.local', 0), plugin.transfer('cluster.local', 0)];
  const records = await one;
  expect(await other).toBe(records);
  expect(plugin.transfer('cluster.local', 0)).toBe(records);
  stores.services.set(service('shop/new', { clusterIPs: ['10.96.0.9'] }));
  expect(await transferred('cluster.local')).toContain('new.shop.svc.cluster.local A 10.96.0.9');
});

test('a namespace that comes or goes changes the list that was sent', async () => {
  const late = 'web.gone.svc.cluster.local A 10.96.0.21';
  const before = await plugin.transfer('cluster.local', 0);
  stores.namespaces.set(namespace('gone'));
  expect(await transferred('cluster.local')).toContain(late);
  stores.namespaces.delete('gone');
  expect(await transferred('cluster.local')).toEqual(before!.map((one) => recordText(one)));
});

test('what changes while the list is made is in it, where the serial number stays', async () => {
  stores.services.set(service('shop/first', { clusterIPs: ['10.96.0.30'] }));
  const underWay = plugin.transfer('cluster.local', 0);
  stores.services.set(service('shop/second', { clusterIPs: ['10.96.0.31'] }));
  const records = (await underWay)!.map((one) => recordText(one));
  for (const [name, ip] of Object.entries({ first: '10.96.0.30', second: '10.96.0.31' }))
    expect(records).toContain(`${name}.shop.svc.cluster.local A ${ip}`);
});

test('the SOA record alone for who has this version', async () => {
  const [soa] = (await plugin.transfer('cluster.local', 0))!;
  const { serial } = soa!.data as { serial: number };
  expect(await transferred('cluster.local', serial)).toEqual([recordText(soa!)]);
  expect((await transferred('cluster.local', 1))!.length).toBeGreaterThan(10);
});

test.each(['example.com', 'shop.svc.cluster.local', '10.in-addr.arpa'])(
  '%s is no zone to transfer',
  (zone) => {
    expect(plugin.transfer(zone, 0)).toBeUndefined();
  },
);

test('who asks the plugin itself for a zone is refused', async () => {
  const query = { ...queryFor('cluster.local', 'AXFR'), type: recordTypes.AXFR };
  expect((await replyFrom([plugin], query)).rcode).toBe(responseCodes.REFUSED);
});
