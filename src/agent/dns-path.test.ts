import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { coreDnsVersion } from '../dns/corefile/version.ts';
import { FastPath, type FastPathOptions } from '../dns/fastpath/fast-path.ts';
import { layouts } from '../dns/fastpath/generated/layouts.ts';
import { fakeDnsBpf, kernelAnswer } from '../dns/fastpath/testing-maps.ts';
import { FakeClient } from '../kube/client/fake-client.ts';
import { createInformers, type Informers } from '../kube/client/informers.ts';
import type { NewObject } from '../kube/meta.ts';
import { resources } from '../kube/resources.ts';
import type { ConfigMap, EndpointSlice, Service } from '../kube/types.ts';
import type { FakeBpf } from '../linux/bpf/fake-bpf.ts';
import { FakeClock } from '../util/clock.ts';
import { silentLogger } from '../util/logger.ts';
import { keepLastChange } from './dns-corefile.ts';
import { DnsPath, openDnsPath } from './dns-path.ts';
import type { PodTimes } from './dns-servers.ts';

const kubeadm =
  '.:53 {\n kubernetes cluster.local in-addr.arpa ip6.arpa {\n ttl 30\n fallthrough in-addr.arpa ip6.arpa\n}\n forward . /etc/resolv.conf\n}';
const pinDirectory = '/bpf/dns';

let bpf: FakeBpf;
let client: FakeClient;
let informers: Informers;
let path: DnsPath;
let clock: FakeClock;
/** Of a server's metrics, by its address. */
let shown: Map<string, string>;
const readMetrics = async (address: string) => {
  const text = shown.get(address);
  if (text === undefined) throw new Error('connection refused');
  return text;
};

/** Of pods, by their uid. */
let times: Map<string, PodTimes>;
const server = '10.244.0.53';
const serves = (text: string, failures = 0) => {
  const version = coreDnsVersion({ text, file: '/etc/coredns/Corefile', environment: {} });
  shown.set(
    server,
    `coredns_reload_version_info{hash="sha512",value="${version}"} 1\ncoredns_reload_failed_total ${failures}\n`,
  );
};

beforeEach(async () => {
  bpf = fakeDnsBpf();
  clock = new FakeClock(Date.now());
  shown = new Map();
  client = new FakeClient();
  informers = createInformers({ client });
  for (const name of ['kube-system', 'shop'])
    await client.create(resources.namespaces, { metadata: { name } });
  await service('kube-system', 'kube-dns', { clusterIPs: ['10.96.0.10', 'fd00:96::a'] });
  await service('shop', 'web', { clusterIPs: ['10.96.0.7', 'fd00:96::7'] });
  times = new Map();
  serves(kubeadm);
  await slice('kube-system', 'kube-dns', [
    { addresses: [server], targetRef: { kind: 'Pod', namespace: 'kube-system', name: 'dns-1', uid: 'one' } },
  ]);
});
afterEach(async () => {
  path.close();
  await informers.stop();
});

function begin(): void {
  const fastPath = new FastPath({ bpf, objectsDirectory: '/objects', pinDirectory, logger: silentLogger });
  const podTimes = async ({ uid }: { uid: string }) => times.get(uid);
  path = new DnsPath({
    informers,
    fastPath,
    nodeName: 'n1',
    readMetrics,
    podTimes,
    clock,
    logger: silentLogger,
  });
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
/** However busy the machine is. */
const patience = { timeout: 20_000, interval: 5 };
const answering = () => vi.waitFor(() => expect(path.status().kernel).toEqual({ answering: true }), patience);
const refusing = (reason: string) =>
  vi.waitFor(
    () => expect(path.status().kernel).toEqual({ answering: false, reason: expect.stringContaining(reason) }),
    patience,
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
  await vi.waitFor(() => expect(answer('other.shop.svc.cluster.local')).toEqual(['10.96.0.8']), patience);
  await client.delete(resources.services, { namespace: 'shop', name: 'other' });
  await vi.waitFor(() => expect(answer('other.shop.svc.cluster.local')).toBe('none'), patience);
});

test('a pod whose questions cannot be answered in the kernel is attached all the same', async () => {
  begin();
  vi.spyOn(FastPath.prototype, 'attachPod').mockImplementationOnce(() => {
    throw new Error('no room');
  });
  const attachPod = vi.fn();
  const datapath = { attachPod, detachPod: vi.fn(), detachPodOf: vi.fn(), retainPods: vi.fn() };
  path.aheadOf(datapath).attachPod({ ifindex: 7, ips: [] } as never);
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
  await vi.waitFor(() => expect(answer('db-0.db.shop.svc.cluster.local')).toBe('none'), patience);
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
  await vi.waitFor(() => expect(answer('web.shop.svc.cluster.local')).toBe('none'), patience);
  expect(answer('shop.svc.cluster.local')).toBe('none');
});

test('questions to the Service’s and the servers’ addresses are taken', async () => {
  await corefile(kubeadm);
  begin();
  await answering();
  const servers = () => [...bpf.maps.get(`${pinDirectory}/dns_servers`)!.entries()].length;
  expect(servers()).toBe(3);
  await client.delete(resources.endpointSlices, { namespace: 'kube-system', name: 'kube-dns-1' });
  await vi.waitFor(() => expect(servers()).toBe(2), patience);
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

describe('a changed Corefile', () => {
  const longer = kubeadm.replace('ttl 30', 'ttl 60');
  const reloading = (text: string) => text.replace('forward .', 'reload\n forward .');
  const key = { namespace: 'kube-system', name: 'coredns' };
  const change = (Corefile: string) => client.patch(resources.configMaps, key, { type: 'application/merge-patch+json', body: { data: { Corefile } } }); // biome-ignore format: one line
  const config = () =>
    layouts.dnsConfig.decode(bpf.maps.get(`${pinDirectory}/dns_config`)!.lookup(new Uint8Array(4))!);

  beforeEach(async () => {
    await corefile(kubeadm);
    begin();
    await answering();
  });

  test('takes force once the servers have taken it, and nothing is answered meanwhile', async () => {
    await change(longer);
    await refusing(`the DNS server ${server} does not serve the changed Corefile yet`);
    await clock.advance(10_000);
    await refusing('does not serve');
    serves(longer);
    await clock.advance(1000);
    await answering();
    expect(config()).toMatchObject({ enabled: 1, ttl: 60 });
  });

  test('that leaves the kernel’s answers as they are interrupts nothing', async () => {
    const before = bpf.maps.get(`${pinDirectory}/dns_config`)!.writes;
    await change(kubeadm.replace('/etc/resolv.conf', '192.0.2.1'));
    await service('shop', 'later', { clusterIPs: ['10.96.0.9'] });
    await vi.waitFor(() => expect(answer('later.shop.svc.cluster.local')).toEqual(['10.96.0.9']), patience);
    expect(bpf.maps.get(`${pinDirectory}/dns_config`)!.writes - before).toBeLessThanOrEqual(2);
    expect(config().enabled).toBe(1);
  });

  test('that is taken back is in force again as soon as the servers show it', async () => {
    await change(longer);
    await refusing('does not serve');
    await change(kubeadm);
    await answering();
    expect(config().ttl).toBe(30);
  });

  test('that a server refuses is not answered by', async () => {
    await change(longer);
    await refusing('does not serve');
    serves(longer, 1);
    await clock.advance(1000);
    await refusing(`the DNS server ${server} refuses the changed Corefile`);
  });

  test('that a server takes after it has refused one before it is answered by', async () => {
    await change(longer);
    await refusing('does not serve');
    serves('. {\n wrong\n}', 1);
    await clock.advance(1000);
    await refusing('does not serve');
    serves(longer, 1);
    await clock.advance(1000);
    await answering();
  });

  test('is taken as served by a server that shows nothing, once kubelet and reload have had their time', async () => {
    shown.delete(server);
    await change(reloading(longer));
    await refusing('may not serve the changed Corefile yet');
    await clock.advance(180_000);
    await refusing('may not serve');
    await clock.advance(8500);
    await answering();
  });

  test('without reload is that of servers whose pods were made after it', async () => {
    times.set('one', { created: clock.now() - 60_000, started: clock.now() - 50_000 });
    shown.set(server, `process_start_time_seconds ${clock.now() / 1000 - 5}\n`);
    await change(longer);
    await refusing('when it is started anew');
    // Of the same pod: what its kubelet has put there may be older.
    shown.set(server, `process_start_time_seconds ${clock.now() / 1000 + 5}\n`);
    await clock.advance(10_000);
    await refusing('when it is started anew');
    times.set('one', { created: clock.now(), started: clock.now() });
    await clock.advance(10_000);
    await answering();
  });

  test('without reload is that of servers that began when kubelets have long taken it', async () => {
    await change(longer);
    shown.set(server, `process_start_time_seconds ${clock.now() / 1000 + 151}\n`);
    await clock.advance(1000);
    await answering();
  });

  test('without reload and metrics is that of pods that were made after it', async () => {
    shown.delete(server);
    times.set('one', { created: clock.now() - 60_000, started: clock.now() - 50_000 });
    await change(longer);
    await refusing('when it is started anew');
    // Of the same pod: what its kubelet has put there may be older.
    times.set('one', { created: clock.now() - 60_000, started: clock.now() + 20_000 });
    await clock.advance(30_000);
    await refusing('when it is started anew');
    times.set('one', { created: clock.now(), started: clock.now() + 5000 });
    await clock.advance(10_000);
    await answering();
  });

  test('without reload and metrics is that of containers that were started when kubelets have long taken it', async () => {
    shown.delete(server);
    await change(longer);
    await refusing('when it is started anew');
    times.set('one', { created: clock.now() - 60_000, started: clock.now() + 151_000 });
    await clock.advance(10_000);
    await answering();
  });

  test('is answered by when a server is there that serves it, not while none is ready', async () => {
    await client.delete(resources.endpointSlices, { namespace: 'kube-system', name: 'kube-dns-1' });
    await change(longer);
    await refusing('no DNS server is ready');
    await clock.advance(5000);
    await refusing('no DNS server is ready');
    serves(longer);
    await slice('kube-system', 'kube-dns', [{ addresses: [server] }]);
    await clock.advance(1000);
    await answering();
  });

  test('is asked of the node’s own servers alone, where pods are sent to those', async () => {
    const hinted = (node: string, address: string) => ({
      addresses: [address],
      hints: { forNodes: [{ name: node }] },
    });
    await client.delete(resources.endpointSlices, { namespace: 'kube-system', name: 'kube-dns-1' });
    await slice('kube-system', 'kube-dns', [hinted('n1', server), hinted('n2', '10.244.1.53')]);
    await change(longer);
    await refusing(server);
    serves(longer);
    await clock.advance(1000);
    await answering();
  });
});

test('a Corefile that was changed just before an agent’s first start may not be served yet', async () => {
  const text = kubeadm.replace('forward .', 'reload\n forward .');
  shown.delete(server);
  await client.create(resources.configMaps, {
    metadata: {
      ...{ namespace: 'kube-system', name: 'coredns' },
      managedFields: [{ time: new Date(clock.now() - 60_000).toISOString() }],
    } as NewObject<ConfigMap>['metadata'],
    data: { Corefile: text },
  });
  await informers.stop();
  informers = createInformers({ client, kept: new Map([[resources.configMaps, keepLastChange]]) });
  begin();
  await refusing('may not serve the changed Corefile yet');
  await clock.advance(129_000);
  await answering();
});

test('an agent that is there keeps the kernel answering, cut off from the API too', async () => {
  await corefile(kubeadm);
  begin();
  await answering();
  await informers.stop();
  const until = () =>
    layouts.dnsConfig.decode(bpf.maps.get(`${pinDirectory}/dns_config`)!.lookup(new Uint8Array(4))!).until;
  const before = until();
  await clock.advance(10_000);
  expect(until()).toBeGreaterThan(before);
});

test('an agent that starts anew goes on by what is in force, whatever the servers do', async () => {
  await corefile(kubeadm);
  begin();
  await answering();
  path.close();
  await informers.stop();
  shown.delete(server);
  informers = createInformers({ client });
  begin();
  expect(answer('web.shop.svc.cluster.local')).toEqual(['10.96.0.7', 'fd00:96::7']);
  await answering();
});

test('switched off, the kernel says nothing more of what an earlier agent told it', async () => {
  await corefile(kubeadm);
  begin();
  await answering();
  expect(answer('web.shop.svc.cluster.local')).not.toBe('server');
  const config = {
    nodeName: 'n1',
    objectsDirectory: '/objects',
    bpfDirectory: '/bpf',
    dnsFastPath: 'off' as const,
  };
  const openFastPath = (options: Omit<FastPathOptions, 'bpf'>) => new FastPath({ bpf, ...options });
  const off = openDnsPath({ config, informers, client, openFastPath, clock, logger: silentLogger });
  expect(off).toBeUndefined();
  expect(answer('web.shop.svc.cluster.local')).toBe('server');
});
