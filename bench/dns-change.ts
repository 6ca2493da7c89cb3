/**
 * From a change's watch event until pods see it, in the kernel and at Tendril's server, both asked all the time by one that
 * waits: among 5,000 Services of which a hundred change every second, with a thousand other questions a second. The
 * event begins when the API's storage has the object, so that the way to the agent is in the time: the lab's API server gathers the
 * events of a busy watch, as that of Services is here, for 20 ms at the most.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { objectsDirectory } from '../bpf/tests/cluster.ts';
import { resources } from '../src/kube/resources.ts';
import type { EndpointSlice, Service } from '../src/kube/types.ts';
import { openNetns } from '../src/linux/netns/netns.ts';
import { medianOf, percentileOf, type Report } from './report.ts';
import { bundled } from './rig/bundle.ts';
import { Closers } from './rig/closers.ts';
import { type ClusterApi, startClusterApi } from './rig/cluster-api.ts';
import type { DnsProcessSettings } from './rig/dns-process.ts';
import { compile, type LineProcess, Machine } from './rig/machine.ts';
import { nodeName, serverIps } from './rig/objects.ts';

export const claim = 'a change is seen in the kernel and at the server within 50 ms of its watch event (p99)';

const root = join(import.meta.dirname, '..');
const namespace = 'bench';
const services = 5000;
const changes = 320;
const warmUps = 20;
const restMs = 20;
const churnMs = 10;
const askedPerSecond = 1000;
const paths = ['kernel', 'server'] as const;

export async function run(report: Report): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-bench-dns-change-'));
  await using closers = new Closers();
  closers.add(async () => rmSync(directory, { recursive: true, force: true }));
  const rig = await start(directory, closers);
  let next = 0;
  const churn = setInterval(
    () => rig.api.put(resources.services, service(`app-${next++ % services}`, {}, next)),
    churnMs,
  );
  closers.add(async () => clearInterval(churn));
  for (const [name, change] of Object.entries(kinds)) {
    const latencies = { kernel: [] as number[], server: [] as number[] };
    // It may be at it still when the machine ends.
    rig.load.ask(String(changes * 40)).catch(() => {});
    for (let serial = 0; serial < changes; serial++) {
      // The first run through code that was never run.
      const counted = serial < warmUps ? { kernel: [], server: [] } : latencies;
      await one(rig, change(rig.api, serial), counted);
      await sleep(restMs);
    }
    for (const path of paths) {
      const { median, interval } = medianOf(latencies[path]);
      report({ name: `${name}, ${path}, p50`, value: median, interval, unit: 'ms', runs: changes - warmUps });
      report({
        name: `${name}, ${path}, p99`,
        value: percentileOf(latencies[path], 0.99),
        unit: 'ms',
        runs: changes - warmUps,
      });
    }
  }
}

interface Change {
  name: string;
  /** What it is to be; `-`: gone. */
  address: string;
  make: () => void;
}

const zoneName = (name: string) => `${name}.${namespace}.svc.cluster.local`;
const addressOf = (serial: number) => `10.97.${serial >> 8}.${serial & 255}`;

/** Each leaves behind what the next change is made to. */
const kinds: Record<string, (api: ClusterApi, serial: number) => Change> = {
  'a new Service': (api, serial) => ({
    name: zoneName(`new-${serial}`),
    address: addressOf(serial),
    make: () =>
      api.put(resources.services, service(`new-${serial}`, { clusterIP: addressOf(serial) }, serial)),
  }),
  'an endpoint of a headless Service': (api, serial) => ({
    name: zoneName('headless'),
    address: addressOf(serial),
    make: () => api.put(resources.endpointSlices, slice('headless', namespace, addressOf(serial))),
  }),
  'a Service that goes': (api, serial) => ({
    name: zoneName(`new-${serial}`),
    address: '-',
    make: () => api.remove(resources.services, `${namespace}/new-${serial}`),
  }),
};

interface Rig {
  api: ClusterApi;
  askers: Record<(typeof paths)[number], LineProcess>;
  load: LineProcess;
}

async function one(
  { askers }: Rig,
  { name, address, make }: Change,
  latencies: Record<(typeof paths)[number], number[]>,
): Promise<void> {
  const seen = paths.map(
    async (path) => [path, BigInt((await askers[path].ask(`${name} ${address}`))[0]!)] as const,
  );
  // They are at it.
  await sleep(5);
  const at = process.hrtime.bigint();
  make();
  for (const [path, when] of await Promise.all(seen)) latencies[path].push(Number(when - at) / 1e6);
}

async function start(directory: string, closers: Closers): Promise<Rig> {
  const machine = new Machine({ directory: join(directory, 'machine') });
  closers.add(() => machine.close());
  const bpffs = join(machine.directory, 'bpf');
  mkdirSync(bpffs);
  execFileSync('mount', ['-t', 'bpf', 'bpf', bpffs]);
  closers.add(async () => void execFileSync('umount', ['-l', bpffs]));
  const server = openNetns(machine.path('server'));
  closers.add(async () => server.close());
  const kubeconfig = join(directory, 'kubeconfig');
  const api = await startClusterApi({ netns: [machine.node, server], kubeconfig });
  closers.add(() => api.close());
  const corefile = '.:53 {\n kubernetes cluster.local {\n ttl 5\n}\n}\n';
  fill(api, corefile);
  const conf = join(directory, 'Corefile');
  writeFileSync(conf, corefile);
  const dns = machine.start(
    'server',
    [join(root, 'bin/tendril'), 'dns', '--conf', conf, '--kubeconfig', kubeconfig],
    {
      anyCpu: true,
    },
  );
  const settings: DnsProcessSettings = {
    ...{ kubeconfig, nodeName, objectsDirectory, bpfDirectory: bpffs, ifindex: machine.ifindex('client') },
  };
  const bundle = await bundled(join(import.meta.dirname, 'rig/dns-process.ts'));
  const agent = machine.start('node', [process.execPath, bundle, `'${JSON.stringify(settings)}'`], {
    anyCpu: true,
  });
  closers.add(async () => {
    dns.stop();
    agent.stop();
  });
  await agent.lines(1);
  const [visible, load] = ['dns-visible', 'dns-load'].map((name) => compile(name, directory)) as [
    string,
    string,
  ];
  const asker = (path: string) => machine.start('client', [visible, path, serverIps[4]], { anyCpu: true });
  const askers = { kernel: asker('kernel'), server: asker('server') };
  // The server has read everything once it knows this one.
  await Promise.all(paths.map((path) => askers[path].ask(`${zoneName('app-0')} ${appAddress(0)}`)));
  return {
    api,
    askers,
    load: machine.start('client', [load, 'paced', String(askedPerSecond), serverIps[4]]),
  };
}

const appAddress = (n: number) => `10.96.${n >> 8}.${n & 255}`;

function fill(api: ClusterApi, corefile: string): void {
  for (const name of [namespace, 'kube-system'])
    api.put(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: meta(name) } as never);
  const data = { Corefile: corefile };
  api.put(resources.configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: meta('coredns', 'kube-system'),
    data,
  } as never);
  api.put(resources.services, {
    ...service('kube-dns', { clusterIP: '10.100.0.10' }),
    metadata: meta('kube-dns', 'kube-system'),
  } as Service);
  api.put(resources.endpointSlices, slice('kube-dns', 'kube-system', serverIps[4]));
  for (let n = 0; n < services; n++)
    api.put(resources.services, service(`app-${n}`, { clusterIP: appAddress(n) }));
  api.put(resources.services, service('headless', { clusterIP: 'None' }));
}

const meta = (name: string, of?: string) => ({
  name,
  ...(of && { namespace: of }),
  uid: `uid-${of}-${name}`,
});

function service(name: string, spec: Service['spec'], serial = 0): Service {
  const n = Number(/^app-(\d+)$/.exec(name)?.[1] ?? Number.NaN);
  const clusterIP = spec?.clusterIP ?? appAddress(n);
  return {
    ...{ apiVersion: 'v1', kind: 'Service' },
    metadata: { ...meta(name, namespace), annotations: { serial: String(serial) } },
    spec: { type: 'ClusterIP', clusterIP, clusterIPs: [clusterIP], ports: [{ port: 80 + (serial & 1) }] },
  } as unknown as Service;
}

function slice(of: string, inNamespace: string, address: string): EndpointSlice {
  return {
    ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4' },
    metadata: { ...meta(`${of}-1`, inNamespace), labels: { 'kubernetes.io/service-name': of } },
    ...{ ports: [{ port: 80 }], endpoints: [{ addresses: [address], conditions: { ready: true } }] },
  } as unknown as EndpointSlice;
}
