import { expect, test } from 'vitest';
import type { MemoryStore } from '../../../kube/client/memory-store.ts';
import { serveChain } from '../../chain.ts';
import { responseCodes } from '../../message/constants.ts';
import { decodeMessage, encodeMessage, replyTo } from '../../message/message.ts';
import type { DnsPlugin, Query } from '../../plugin.ts';
import { queryFor, replyFrom } from '../../testing/ask.ts';
import { kubernetesPlugin } from './kubernetes.ts';
import { answerText, recordText } from './testing/case-table.ts';
import {
  type Cluster,
  emptyStores,
  externalName,
  headless,
  http,
  lookupOver,
  namespace,
  pluginOver,
  service,
  slice,
  storesOf,
} from './testing/cluster.ts';

const cluster: Cluster = {
  namespaces: [namespace('shop'), namespace('hidden')],
  services: [
    service('shop/web', { clusterIPs: ['10.96.0.20'], ports: [http] }),
    service('hidden/web', { clusterIPs: ['10.96.0.21'], ports: [http] }),
    headless('shop/db'),
    externalName('shop/loop', 'loop.shop.svc.cluster.local'),
    externalName('shop/out', 'www.example.com'),
    externalName('shop/ping', 'pong.shop.svc.cluster.local'),
    externalName('shop/pong', 'ping.shop.svc.cluster.local'),
    externalName('shop/numeric', '192.0.2.1'),
  ],
  slices: [
    slice('shop/db', {
      endpoints: [
        { addresses: ['10.244.1.2'], targetRef: { kind: 'Pod', name: 'db-pod' } },
        { addresses: ['10.244.1.3'], targetRef: { kind: 'Pod', name: 'x'.repeat(64) } },
      ],
    }),
    slice('shop/web', { endpoints: ['10.244.1.9'] }),
  ],
};

const ask = async (
  plugin: DnsPlugin,
  name: string,
  type: 'A' | 'AAAA' | 'PTR' | 'SRV' | 'NS' | 'CNAME' = 'A',
) => answerText(await replyFrom([plugin], queryFor(name, type)));

test('before the stores are filled nothing is said to be absent', async () => {
  const stores = emptyStores();
  stores.namespaces.replace([namespace('shop')]);
  stores.services.replace([service('shop/web', { clusterIPs: ['10.96.0.20'], ports: [http] })]);
  const plugin = kubernetesPlugin({ lookup: lookupOver(stores) });
  expect(await ask(plugin, 'nobody.shop.svc.cluster.local')).toBe('SERVFAIL');
  expect(await ask(plugin, 'web.shop.svc.cluster.local')).toBe('A 10.96.0.20');
  const others = Object.values(stores) as Pick<MemoryStore<never>, 'hasSynced' | 'replace'>[];
  for (const store of others) if (!store.hasSynced) store.replace([]);
  expect(await ask(plugin, 'nobody.shop.svc.cluster.local')).toBe('NXDOMAIN');
});

test('names outside the zones are the next plugin’s', async () => {
  expect(await ask(pluginOver(cluster), 'www.example.com')).toBe('REFUSED!');
});

test('fallthrough leaves names that do not exist to the plugins behind, below its zones', async () => {
  const plugin = pluginOver(cluster, { fallthrough: ['shop.svc.cluster.local'] });
  expect(await ask(plugin, 'nobody.shop.svc.cluster.local')).toBe('REFUSED!');
  expect(await ask(plugin, 'nobody.hidden.svc.cluster.local')).toBe('NXDOMAIN');
  expect(await ask(plugin, 'web.shop.svc.cluster.local', 'AAAA')).toBe('NODATA');
});

test('only the namespaces of the option are shown, also by PTR', async () => {
  const plugin = pluginOver(cluster, {
    namespaces: new Set(['shop']),
    zones: ['cluster.local', 'in-addr.arpa'],
  });
  expect(await ask(plugin, 'web.hidden.svc.cluster.local')).toBe('NXDOMAIN');
  expect(await ask(plugin, '21.0.96.10.in-addr.arpa', 'PTR')).toBe('NXDOMAIN');
  expect(await ask(plugin, '20.0.96.10.in-addr.arpa', 'PTR')).toBe('PTR web.shop.svc.cluster.local');
});

test('noendpoints: nothing is known of headless Services', async () => {
  const { slices: _, ...stores } = storesOf(cluster);
  const plugin = kubernetesPlugin({ lookup: lookupOver(stores) });
  expect(await ask(plugin, 'db.shop.svc.cluster.local')).toBe('NXDOMAIN');
  expect(await ask(plugin, 'web.shop.svc.cluster.local')).toBe('A 10.96.0.20');
});

test('endpoint_pod_names: endpoints without a hostname are called as their pods, where that is a label', async () => {
  const plugin = pluginOver(cluster, { endpointPodNames: true });
  expect(await ask(plugin, 'db-pod.db.shop.svc.cluster.local')).toBe('A 10.244.1.2');
  expect(await ask(plugin, '10-244-1-2.db.shop.svc.cluster.local')).toBe('NXDOMAIN');
  expect(await ask(plugin, '10-244-1-3.db.shop.svc.cluster.local')).toBe('A 10.244.1.3');
});

test('endpoints of a Service with ClusterIP have names too', async () => {
  const plugin = pluginOver(cluster, { zones: ['cluster.local', 'in-addr.arpa'] });
  expect(await ask(plugin, '10-244-1-9.web.shop.svc.cluster.local')).toBe('A 10.244.1.9');
  expect(await ask(plugin, '9.1.244.10.in-addr.arpa', 'PTR')).toBe(
    'PTR 10-244-1-9.web.shop.svc.cluster.local',
  );
});

test('aliases that lead in a circle have no addresses', async () => {
  const plugin = pluginOver(cluster);
  expect(await ask(plugin, 'loop.shop.svc.cluster.local')).toBe('NODATA');
  expect(await ask(plugin, 'ping.shop.svc.cluster.local')).toBe('NODATA');
});

test('an alias that is an address is none', async () => {
  expect(await ask(pluginOver(cluster), 'numeric.shop.svc.cluster.local')).toBe('NXDOMAIN');
});

test('an alias that leads back through another server ends in SERVFAIL', async () => {
  const plugin: DnsPlugin = pluginOver(cluster, {
    resolve: (query) => serveChain([plugin], { ...query, name: 'out.shop.svc.cluster.local' }),
  });
  const reply = await replyFrom([plugin], queryFor('out.shop.svc.cluster.local', 'A', { depth: 8 }));
  expect(reply.rcode).toBe(responseCodes.SERVFAIL);
});

test('an alias whose target nobody knows is told alone', async () => {
  const resolve = (query: { message: Parameters<typeof replyTo>[0] }) => replyTo(query.message, { rcode: 3 });
  expect(await ask(pluginOver(cluster, { resolve }), 'out.shop.svc.cluster.local')).toBe(
    'CNAME www.example.com',
  );
});

test('the zone’s name servers are the Services that the server is an endpoint of', async () => {
  const dns: Cluster = {
    ...cluster,
    services: [
      service('kube-system/kube-dns', { clusterIPs: ['10.96.0.10', 'fd00:96::a'], ports: [http] }),
      headless('kube-system/dns-pods'),
    ],
    slices: ['kube-dns', 'dns-pods'].map((name) =>
      slice(`kube-system/${name}`, { endpoints: ['10.244.0.2', '10.244.1.2'] }),
    ),
  };
  expect(await ask(pluginOver(dns, { serverIps: ['10.244.0.2'] }), 'cluster.local', 'NS')).toBe(
    'NS 10-244-0-2.dns-pods.kube-system.svc.cluster.local, NS 10-244-1-2.dns-pods.kube-system.svc.cluster.local, ' +
      'NS kube-dns.kube-system.svc.cluster.local + 10-244-0-2.dns-pods.kube-system.svc.cluster.local A 10.244.0.2, ' +
      '10-244-1-2.dns-pods.kube-system.svc.cluster.local A 10.244.1.2, kube-dns.kube-system.svc.cluster.local A 10.96.0.10, ' +
      'kube-dns.kube-system.svc.cluster.local AAAA fd00:96::a',
  );
  const elsewhere = pluginOver(dns, { serverIps: ['192.0.2.53', 'fd00::53'] });
  expect(await ask(elsewhere, 'ns.dns.cluster.local', 'AAAA')).toBe('AAAA fd00::53');
  expect(await ask(elsewhere, 'dns.cluster.local')).toBe('NODATA');
});

test('the serial is the second of the last change that answers show', async () => {
  let now = 1_000_000;
  const stores = storesOf(cluster);
  const lookup = lookupOver(stores, { now: () => now });
  const plugin = kubernetesPlugin({ lookup });
  const soa = async () =>
    recordText((await replyFrom([plugin], queryFor('cluster.local', 'SOA'))).answers[0]!);
  expect(await soa()).toContain(' 1000 7200 ');
  now += 5000;
  const web = stores.services.get('shop/web')!;
  stores.services.set({ ...web, metadata: { ...web.metadata, resourceVersion: 'x', labels: { a: 'b' } } });
  stores.slices.set(
    slice('shop/db', {
      endpoints: ['10.244.1.2', '10.244.1.3'].map((ip, i) => ({
        ...stores.slices.get('shop/db-a')!.endpoints![i]!,
        addresses: [ip],
      })),
    }),
  );
  expect(await soa()).toContain(' 1000 7200 ');
  stores.services.set({ ...web, spec: { ...web.spec, ports: [{ ...http, port: 81 }] } });
  expect(await soa()).toContain(' 1005 7200 ');
});

test('on the wire names have the case of the question', async () => {
  const query = queryFor('WeB.sHop.SVC.cluster.LOCAL', 'A');
  const onTheWire = async (asked: Query) =>
    decodeMessage(
      encodeMessage(await replyFrom([pluginOver(cluster)], asked), undefined, { inCaseOfQuestion: true }),
    );
  const decoded = await onTheWire(query);
  expect(decoded.answers[0]!.name).toBe('WeB.sHop.SVC.cluster.LOCAL');
  const unknown = queryFor('nobody.shop.svc.ClUsTeR.lOcAl', 'A');
  const negative = await onTheWire(unknown);
  expect(negative.authorities[0]).toMatchObject({
    name: 'ClUsTeR.lOcAl',
    data: { primary: 'ns.dns.ClUsTeR.lOcAl' },
  });
});

test('a name that was asked before answers with what has changed since', async () => {
  const stores = storesOf(cluster);
  const plugin = kubernetesPlugin({ lookup: lookupOver(stores) });
  const name = 'db.shop.svc.cluster.local';
  expect(await ask(plugin, name)).toBe('A 10.244.1.2, A 10.244.1.3');
  stores.slices.set(slice('shop/db', { endpoints: ['10.244.1.4'] }));
  expect(await ask(plugin, name)).toBe('A 10.244.1.4');
  stores.namespaces.delete('shop');
  expect(await ask(plugin, name)).toBe('NXDOMAIN');
});
