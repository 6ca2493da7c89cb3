import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FastPath, type FastPathOptions } from '../dns/fastpath/fast-path.ts';
import { fakeDnsBpf, kernelAnswer } from '../dns/fastpath/testing-maps.ts';
import { FakeClient } from '../kube/client/fake-client.ts';
import { createInformers, type Informers } from '../kube/client/informers.ts';
import { resources } from '../kube/resources.ts';
import type { EndpointSlice, Service } from '../kube/types.ts';
import type { FakeBpf } from '../linux/bpf/fake-bpf.ts';
import { systemClock } from '../util/clock.ts';
import { silentLogger } from '../util/logger.ts';
import { DnsPath, openDnsPath } from './dns-path.ts';

const kubeadm =
  '.:53 {\n kubernetes cluster.local in-addr.arpa ip6.arpa {\n ttl 30\n fallthrough in-addr.arpa ip6.arpa\n}\n forward . /etc/resolv.conf\n}';
const pinDirectory = '/bpf/dns';

let bpf: FakeBpf;
let client: FakeClient;
let informers: Informers;
let path: DnsPath;

beforeEach(async () => {
  bpf = fakeDnsBpf();
  client = new FakeClient();
  informers = createInformers({ client });
  for (const name of ['kube-system', 'shop'])
    await client.create(resources.namespaces, { metadata: { name } });
  await service('kube-system', 'kube-dns', { clusterIPs: ['10.96.0.10', 'fd00:96::a'] });
  await service('shop', 'web', { clusterIPs: ['10.96.0.7', 'fd00:96::7'] });
});
afterEach(async () => {
  path.close();
  await informers.stop();
});

function begin(): void {
  const fastPath = new FastPath({ bpf, objectsDirectory: '/objects', pinDirectory, logger: silentLogger });
  path = new DnsPath({ informers, fastPath, clock: systemClock, logger: silentLogger });
  informers.start();
}

const service = (namespace: string, name: string, spec: Service['spec']) =>
  client.create(resources.services, {
    metadata: { namespace, name },
    spec: { ports: [{ port: 80 }], ...spec },
  });

const slice = (namespace: string, of: string, endpoints: EndpointSlice['endpoints']) =>
  client.create(resources.endpointSlices, {
    metadata: { namespace, name: `${of}-1`, labels: { 'kubernetes.io/service-name': of } },
    ...{ addressType: 'IPv4', ports: [{ port: 80 }], endpoints },
  });

const corefile = (Corefile: string) =>
  client.create(resources.configMaps, {
    metadata: { namespace: 'kube-system', name: 'coredns' },
    data: { Corefile },
  });

const answer = (name: string) => kernelAnswer(bpf, pinDirectory, name);
const answering = () => vi.waitFor(() => expect(path.status().kernel).toEqual({ answering: true }));
const refusing = (reason: string) =>
  vi.waitFor(() =>
    expect(path.status().kernel).toEqual({ answering: false, reason: expect.stringContaining(reason) }),
  );

test('Services are answered in the kernel, and follow their changes', async () => {
  await corefile(kubeadm);
  begin();
  await answering();
  expect(answer('web.shop.svc.cluster.local')).toEqual(['10.96.0.7', 'fd00:96::7']);
  expect(answer('shop.svc.cluster.local')).toEqual([]);
  expect(answer('cluster.local')).toEqual([]);
  expect(answer('other.shop.svc.cluster.local')).toBe('none');
  await service('shop', 'other', { clusterIPs: ['10.96.0.8'] });
  await vi.waitFor(() => expect(answer('other.shop.svc.cluster.local')).toEqual(['10.96.0.8']));
  await client.delete(resources.services, { namespace: 'shop', name: 'other' });
  await vi.waitFor(() => expect(answer('other.shop.svc.cluster.local')).toBe('none'));
});

test('a pod whose questions cannot be answered in the kernel is attached all the same', async () => {
  begin();
  vi.spyOn(FastPath.prototype, 'attachPod').mockImplementationOnce(() => {
    throw new Error('no room');
  });
  const attachPod = vi.fn();
  const datapath = { attachPod, detachPod: vi.fn(), detachPodOf: vi.fn(), retainPods: vi.fn() };
  path.aheadOf(datapath).attachPod({ ifindex: 7 } as never);
  expect(attachPod).toHaveBeenCalledOnce();
});

test('a headless Service’s endpoints have names of their own, as long as they are ready', async () => {
  await corefile(kubeadm);
  await service('shop', 'db', { clusterIPs: ['None'] });
  await slice('shop', 'db', [{ addresses: ['10.244.0.1'], hostname: 'db-0' }, { addresses: ['10.244.0.2'] }]);
  begin();
  await answering();
  expect(answer('db.shop.svc.cluster.local')).toEqual(['10.244.0.1', '10.244.0.2']);
  expect(answer('db-0.db.shop.svc.cluster.local')).toEqual(['10.244.0.1']);
  expect(answer('10-244-0-2.db.shop.svc.cluster.local')).toEqual(['10.244.0.2']);
  await client.delete(resources.endpointSlices, { namespace: 'shop', name: 'db-1' });
  await vi.waitFor(() => expect(answer('db-0.db.shop.svc.cluster.local')).toBe('none'));
});

test('an alias is for the servers', async () => {
  await corefile(kubeadm);
  await service('shop', 'away', { type: 'ExternalName', externalName: 'example.org' });
  begin();
  await answering();
  expect(answer('away.shop.svc.cluster.local')).toBe('server');
});

test('a namespace that goes takes its names along', async () => {
  await corefile(kubeadm);
  begin();
  await answering();
  await client.delete(resources.namespaces, { name: 'shop' });
  await vi.waitFor(() => expect(answer('web.shop.svc.cluster.local')).toBe('none'));
  expect(answer('shop.svc.cluster.local')).toBe('none');
});

test('questions to the Service’s and the servers’ addresses are taken', async () => {
  await corefile(kubeadm);
  await slice('kube-system', 'kube-dns', [{ addresses: ['10.244.0.53'] }]);
  begin();
  await answering();
  const servers = () => [...bpf.maps.get(`${pinDirectory}/dns_servers`)!.entries()].length;
  expect(servers()).toBe(3);
  await client.delete(resources.endpointSlices, { namespace: 'kube-system', name: 'kube-dns-1' });
  await vi.waitFor(() => expect(servers()).toBe(2));
});

test('the Corefile decides, whenever it changes', async () => {
  begin();
  await refusing('there is no Corefile in the ConfigMap kube-system/coredns');
  await corefile(kubeadm.replace('kubernetes', 'log\nkubernetes'));
  await refusing('log (Corefile:2) comes before kubernetes');
  const key = { namespace: 'kube-system', name: 'coredns' };
  const change = (Corefile: string) => client.patch(resources.configMaps, key, { type: 'application/merge-patch+json', body: { data: { Corefile } } }); // biome-ignore format: one line
  await change(kubeadm);
  await answering();
  await change('. {');
  await refusing('Corefile:');
  await change('{$ZONE} {\n kubernetes\n}');
  await refusing('variables');
  await change('import /etc/other');
  await refusing('/etc/other');
});

test('switched off, the kernel says nothing more of what an earlier agent told it', async () => {
  await corefile(kubeadm);
  begin();
  await answering();
  expect(answer('web.shop.svc.cluster.local')).not.toBe('server');
  const config = { objectsDirectory: '/objects', bpfDirectory: '/bpf', dnsFastPath: 'off' as const };
  const openFastPath = (options: Omit<FastPathOptions, 'bpf'>) => new FastPath({ bpf, ...options });
  const off = openDnsPath({ config, informers, openFastPath, clock: systemClock, logger: silentLogger });
  expect(off).toBeUndefined();
  expect(answer('web.shop.svc.cluster.local')).toBe('server');
});
