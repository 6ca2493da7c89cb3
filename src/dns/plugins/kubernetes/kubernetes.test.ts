import { describe, expect, test } from 'vitest';
import { MemoryStore } from '../../../kube/client/memory-store.ts';
import type { EndpointSlice, Namespace, Service } from '../../../kube/types.ts';
import { formatIp } from '../../../net/ip.ts';
import { serveChain } from '../../chain.ts';
import { recordTypes, responseCodes } from '../../message/constants.ts';
import { type Message, type ResourceRecord, replyTo } from '../../message/message.ts';
import type { RecordData } from '../../message/record-data.ts';
import type { DnsPlugin } from '../../plugin.ts';
import { reverseIp } from '../../reverse-name.ts';
import { queryFor, replyFrom } from '../../testing/ask.ts';
import { createClusterNames } from './cluster-names.ts';
import { kubernetesPlugin } from './kubernetes.ts';

const meta = (namespace: string | undefined, name: string, labels?: Record<string, string>) => ({
  metadata: {
    name,
    namespace,
    labels,
    uid: name,
    resourceVersion: '1',
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
});
const namespace = (name: string): Namespace => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  ...meta(undefined, name),
});
const service = (name: string, spec: Service['spec']): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  ...meta('shop', name),
  spec,
});

function slice(name: string, spec: Omit<EndpointSlice, 'apiVersion' | 'kind' | 'metadata'>): EndpointSlice {
  const labels = { 'kubernetes.io/service-name': name };
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    ...meta('shop', `${name}-${spec.addressType}`, labels),
    ...spec,
  };
}

function cluster() {
  const stores = {
    namespaces: new MemoryStore<Namespace>(),
    services: new MemoryStore<Service>(),
    slices: new MemoryStore<EndpointSlice>(),
  };
  const names = createClusterNames(stores);
  stores.namespaces.set(namespace('shop'));
  stores.services.set(
    service('web', {
      clusterIP: '10.96.0.20',
      clusterIPs: ['10.96.0.20', 'fd00:10:96::20'],
      ports: [
        { name: 'http', port: 80 },
        { name: 'dns', port: 53, protocol: 'UDP' },
      ],
    }),
  );
  stores.services.set(
    service('db', { clusterIP: 'None', clusterIPs: ['None'], ports: [{ name: 'pg', port: 5432 }] }),
  );
  stores.services.set(service('idle', { clusterIP: 'None', clusterIPs: ['None'], ports: [{ port: 1 }] }));
  stores.services.set(service('loop', { type: 'ExternalName', externalName: 'loop.shop.svc.cluster.local' }));
  stores.services.set(service('out', { type: 'ExternalName', externalName: 'www.example.com' }));
  stores.slices.set(
    slice('db', {
      addressType: 'IPv4',
      ports: [{ name: 'pg', port: 5432, protocol: 'TCP' }],
      endpoints: [
        { addresses: ['10.244.1.2'], hostname: 'db-0', conditions: { ready: true } },
        { addresses: ['10.244.2.2'], conditions: {} },
        { addresses: ['10.244.2.3'], hostname: 'db-2', conditions: { ready: false } },
      ],
    }),
  );
  return names;
}

const external: ResourceRecord = {
  name: 'www.example.com',
  class: 1,
  ttl: 60,
  data: { type: 1, ip: { family: 4, bytes: Uint8Array.of(192, 0, 2, 1) } },
};

function ask(name: string, type: keyof typeof recordTypes, synced = true): Promise<Message> {
  const plugin = kubernetesPlugin({
    zone: 'cluster.local',
    names: cluster(),
    synced: () => synced,
    resolve: async (query) => replyTo(query.message, { answers: [external] }),
  });
  return replyFrom([plugin], queryFor(name, type));
}

function text(data: RecordData): string {
  if ('ip' in data) return formatIp(data.ip);
  if ('priority' in data) return `${data.priority} ${data.weight} ${data.port} ${data.target}`;
  if ('strings' in data) return data.strings.map((s) => Buffer.from(s).toString()).join(' ');
  return 'target' in data ? data.target : '';
}

describe('answers', () => {
  test.each<[string, keyof typeof recordTypes, string[]]>([
    ['web.shop.svc.cluster.local', 'A', ['10.96.0.20']],
    ['web.shop.svc.cluster.local', 'AAAA', ['fd00:10:96::20']],
    ['_http._tcp.web.shop.svc.cluster.local', 'SRV', ['0 100 80 web.shop.svc.cluster.local']],
    ['_dns._udp.web.shop.svc.cluster.local', 'SRV', ['0 100 53 web.shop.svc.cluster.local']],
    ['db.shop.svc.cluster.local', 'A', ['10.244.1.2', '10.244.2.2']],
    ['db-0.db.shop.svc.cluster.local', 'A', ['10.244.1.2']],
    ['10-244-2-2.db.shop.svc.cluster.local', 'A', ['10.244.2.2']],
    [
      '_pg._tcp.db.shop.svc.cluster.local',
      'SRV',
      ['0 50 5432 db-0.db.shop.svc.cluster.local', '0 50 5432 10-244-2-2.db.shop.svc.cluster.local'],
    ],
    ['out.shop.svc.cluster.local', 'CNAME', ['www.example.com']],
    ['out.shop.svc.cluster.local', 'A', ['www.example.com', '192.0.2.1']],
    ['dns-version.cluster.local', 'TXT', ['1.1.0']],
    ['10-244-7-7.shop.pod.cluster.local', 'A', ['10.244.7.7']],
    ['20.0.96.10.in-addr.arpa', 'PTR', ['web.shop.svc.cluster.local']],
    ['2.1.244.10.in-addr.arpa', 'PTR', ['db-0.db.shop.svc.cluster.local']],
  ])('%s %s', async (name, type, expected) => {
    const reply = await ask(name, type);
    expect(reply.rcode).toBe(responseCodes.NOERROR);
    expect(reply.answers.map((record) => text(record.data))).toEqual(expected);
  });
});

describe('names that exist without records of the type', () => {
  test.each<[string, keyof typeof recordTypes]>([
    ['cluster.local', 'A'],
    ['svc.cluster.local', 'A'],
    ['shop.svc.cluster.local', 'A'],
    ['_tcp.web.shop.svc.cluster.local', 'SRV'],
    ['_http._tcp.web.shop.svc.cluster.local', 'A'],
    ['db-0.db.shop.svc.cluster.local', 'AAAA'],
    ['web.shop.svc.cluster.local', 'MX'],
  ])('%s %s is NODATA with the SOA', async (name, type) => {
    const reply = await ask(name, type);
    expect(reply).toMatchObject({ rcode: responseCodes.NOERROR, answers: [] });
    expect(reply.authorities.map((record) => record.data.type)).toEqual([recordTypes.SOA]);
  });
});

describe('names that do not exist', () => {
  test.each([
    'nobody.cluster.local',
    'elsewhere.svc.cluster.local',
    'web.elsewhere.svc.cluster.local',
    'nobody.shop.svc.cluster.local',
    'idle.shop.svc.cluster.local',
    'db-2.db.shop.svc.cluster.local',
    'x.web.shop.svc.cluster.local',
    '_http._udp.web.shop.svc.cluster.local',
    'www.example.com.shop.svc.cluster.local',
  ])('%s is NXDOMAIN', async (name) => {
    expect(await ask(name, 'A')).toMatchObject({ rcode: responseCodes.NXDOMAIN, authoritative: true });
  });
});

test('before the stores are filled nothing is said to be absent', async () => {
  expect(await ask('nobody.shop.svc.cluster.local', 'A', false)).toMatchObject({
    rcode: responseCodes.SERVFAIL,
  });
});

test('an ExternalName that leads back to itself ends in SERVFAIL', async () => {
  const plugin: DnsPlugin = kubernetesPlugin({
    zone: 'cluster.local',
    names: cluster(),
    synced: () => true,
    resolve: (query, name) => serveChain([plugin], { ...query, name, depth: (query.depth ?? 0) + 1 }),
  });
  const name = 'loop.shop.svc.cluster.local';
  const reply = await replyFrom([plugin], queryFor(name, 'A'));
  expect(reply.rcode).toBe(responseCodes.SERVFAIL);
});

test('names outside the zone are the next plugin’s', async () => {
  expect(await ask('www.example.com', 'A')).toMatchObject({ rcode: responseCodes.REFUSED });
});

test('a slice of names rather than addresses keeps no other from being known', () => {
  const slices = new MemoryStore<EndpointSlice>();
  createClusterNames({ namespaces: new MemoryStore(), services: new MemoryStore(), slices });
  const named = slice('named', {
    addressType: 'FQDN',
    endpoints: [{ addresses: ['db.example.com'] }],
  } as never);
  const other = slice('other', { addressType: 'IPv4', endpoints: [{ addresses: ['10.244.1.9'] }] } as never);
  slices.replace([named, other]);
  expect(slices.hasSynced).toBe(true);
  expect(slices.list()).toEqual([named, other]);
});

test('reverse names', () => {
  expect(formatIp(reverseIp('4.3.2.10.in-addr.arpa')!)).toBe('10.2.3.4');
  expect(reverseIp('3.2.10.in-addr.arpa')).toBeUndefined();
  const ip6 = `${'0.'.repeat(3)}2.${'0.'.repeat(12)}6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa`;
  expect(reverseIp(ip6)).toBeUndefined();
});
