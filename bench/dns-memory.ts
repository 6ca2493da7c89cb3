/**
 * What cluster DNS keeps in memory in the largest cluster that Kubernetes supports, beside CoreDNS with the same Corefile and the
 * same API server: 150,000 pods behind 8,000 Services in 200 namespaces.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '../src/kube/meta.ts';
import { resources } from '../src/kube/resources.ts';
import { openNetns } from '../src/linux/netns/netns.ts';
import { coreDns, coreDnsVersion } from './peers/dns-servers.ts';
import type { Report } from './report.ts';
import { Closers } from './rig/closers.ts';
import { startClusterApi } from './rig/cluster-api.ts';
import { Machine } from './rig/machine.ts';
import { clusterIp, objectsOf, serverIps } from './rig/objects.ts';

export const claim =
  'cluster DNS keeps the names of 150,000 pods behind 8,000 Services in less memory than CoreDNS';

const root = join(import.meta.dirname, '..');
const ip = serverIps[4];
const services = 8000;
const endpoints = 19;
const namespaces = 200;
/** What is resident once the heap has come to rest. */
const restMs = 10_000;
const patienceMs = 120_000;

export async function run(report: Report): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-bench-dns-memory-'));
  await using closers = new Closers();
  closers.add(async () => rmSync(directory, { recursive: true, force: true }));
  const [ours, theirs] = ['tendril', 'coredns'].map((name) => {
    const machine = new Machine({ directory: join(directory, name) });
    closers.add(() => machine.close());
    machine.run('server', 'ip link set lo up');
    return machine;
  }) as [Machine, Machine];
  const kubeconfig = join(directory, 'kubeconfig');
  const handles = [ours, theirs].map((machine) => openNetns(machine.path('server')));
  closers.add(async () => {
    for (const handle of handles) handle.close();
  });
  const api = await startClusterApi({ netns: handles, kubeconfig });
  closers.add(() => api.close());
  for (let n = 0; n < namespaces; n++) api.put(resources.namespaces, namespace(n));
  api.fill(objectsOf({ services, endpoints, families: [4] }));
  const corefile = join(directory, 'Corefile');
  const block = `kubernetes cluster.local {\n kubeconfig ${kubeconfig}\n }`;
  writeFileSync(corefile, `.:53 {\n bind ${ip}\n ${block}\n}\n`);
  const value = await residentMib(ours, [join(root, 'bin/tendril'), 'dns', '--conf', corefile]);
  const peerValue = await residentMib(theirs, [coreDns(), '-conf', corefile, '-quiet']);
  report({
    ...{ name: `resident after ${restMs / 1000} s`, value, unit: 'MiB', runs: 1 },
    ...{ peer: `CoreDNS ${coreDnsVersion}`, peerValue, ratio: value / peerValue },
  });
}

async function residentMib(machine: Machine, argv: readonly string[]): Promise<number> {
  const server = machine.start('server', argv);
  const { child } = server;
  const last = `s${services - 1}.default.svc.cluster.local`;
  const ask = `dig +short +nocookie +tries=1 +time=1 @${ip} ${last} || true`;
  for (const end = performance.now() + patienceMs; ; await sleep(200)) {
    if (machine.run('client', ask).trim() === clusterIp(4, services - 1)) break;
    if (performance.now() > end) throw new Error(`${argv[0]} does not answer within ${patienceMs / 1000} s`);
  }
  await sleep(restMs);
  const pages = Number(readFileSync(`/proc/${child.pid}/statm`, 'utf8').split(' ')[1]);
  server.stop();
  return (pages * 4096) / 2 ** 20;
}

function namespace(n: number): KubeObject {
  const name = n === 0 ? 'default' : `namespace-${n}`;
  const uid = `00000000-0000-4000-9000-${n.toString(16).padStart(12, '0')}`;
  return {
    ...{ apiVersion: 'v1', kind: 'Namespace' },
    metadata: { name, uid, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
  } as KubeObject;
}
