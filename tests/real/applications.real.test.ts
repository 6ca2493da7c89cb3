/**
 * A whole application by its published manifest, unchanged: Google's Online Boutique, or the one that the variable
 * TENDRIL_TEST_MANIFEST names. Its images are stood in for; the network, its Services and names are real.
 */
import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Deployment, Pod, Service } from '../../src/kube/types.ts';
import { bracketed, fromNode } from './application.ts';
import { existingOrNewCluster } from './cluster/cluster.ts';
import { kubectl, kubectlWith } from './cluster/control-plane.ts';
import { agnhostImage } from './cluster/images.ts';
import { nodes } from './cluster/layout.ts';
import { waitFor } from './cluster/process.ts';
import { importStandIns, readManifest } from './cluster/stand-ins.ts';

const manifest = resolve(
  process.env.TENDRIL_TEST_MANIFEST ?? 'tests/vendor/online-boutique/kubernetes-manifests.yaml',
);
const namespace = 'application';
const inNamespace = (...words: string[]) => kubectl('-n', namespace, ...words);
const listed = <T>(kind: string): T[] =>
  (JSON.parse(inNamespace('get', kind, '-o', 'json')) as { items: T[] }).items;

const caller = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'caller', labels: { app: 'caller' } },
  spec: { containers: [{ name: 'caller', image: agnhostImage, args: ['netexec', '--http-port=8080'] }] },
};

let remove = async () => {};
let deployments: Deployment[];
/** Those that lead to pods. */
let services: Service[];
let callerIp: string;

beforeAll(async () => {
  await using stack = new AsyncDisposableStack();
  const cluster = await existingOrNewCluster();
  stack.defer(() => cluster.remove());
  importStandIns(readManifest(manifest));
  kubectl('create', 'namespace', namespace);
  stack.defer(() => void kubectl('delete', 'namespace', namespace, '--timeout=120s'));
  inNamespace('apply', '-f', manifest);
  kubectlWith(JSON.stringify(caller), '-n', namespace, 'apply', '-f', '-');
  inNamespace('wait', '--for=condition=Available', 'deployments', '--all', '--timeout=300s');
  inNamespace('wait', '--for=condition=Ready', 'pod/caller', '--timeout=60s');
  deployments = listed<Deployment>('deployments');
  services = listed<Service>('services').filter(({ spec }) => spec?.selector !== undefined);
  callerIp = (JSON.parse(inNamespace('get', 'pod', 'caller', '-o', 'json')) as Pod).status!.podIP!;
  const owned = stack.move();
  remove = () => owned.disposeAsync();
}, 1_200_000);

afterAll(() => remove(), 180_000);

test('every Deployment is Available', () => {
  const available = deployments.filter(({ status }) =>
    status?.conditions?.some(({ type, status: is }) => type === 'Available' && is === 'True'),
  );
  expect(available.length).toBe(deployments.length);
  expect(deployments.length).toBeGreaterThan(0);
});

/** The names of the pods that a Service selects. */
function podsOf({ spec }: Service): string[] {
  const wanted = Object.entries(spec!.selector!);
  const pods = listed<Pod>('pods').filter(({ metadata: { labels = {} } }) =>
    wanted.every(([key, value]) => labels[key] === value),
  );
  return pods.map(({ metadata }) => metadata.name);
}

/** The pod that answers the caller over HTTP at a host's port. */
function answering(host: string, port: number): string {
  const query = new URLSearchParams({
    host,
    port: String(port),
    request: 'name',
    protocol: 'http',
    tries: '1',
  });
  const { responses = [], errors } = JSON.parse(
    fromNode(nodes()[0]!, `http://${callerIp}:8080/dial?${query}`),
  );
  if (responses.length === 0) throw new Error(`${host}:${port}: ${errors}`);
  return (JSON.parse(responses[0]) as { pod: string }).pod;
}

test('every Service answers a pod by its short and its full name, and at its ClusterIP, with a pod of its own', async () => {
  for (const service of services) {
    const { name } = service.metadata;
    const { port } = service.spec!.ports![0]!;
    const pods = podsOf(service);
    const hosts = [name, `${name}.${namespace}.svc.cluster.local`, service.spec!.clusterIP!];
    for (const host of hosts)
      await waitFor(`${name} at ${host}`, 20, () => pods.includes(answering(host, port)));
  }
});

test('Services with a node port answer at it, on every node', async () => {
  const exposed = services.filter(({ spec }) => spec!.ports!.some(({ nodePort }) => nodePort));
  expect(exposed.length).toBeGreaterThan(0);
  for (const service of exposed) {
    const pods = podsOf(service);
    for (const { ipv4, name } of nodes())
      await waitFor(`${service.metadata.name} at ${name}`, 20, () => {
        const text = fromNode(nodes()[0]!, `http://${bracketed(ipv4)}:${service.spec!.ports![0]!.nodePort}/`);
        return pods.includes((JSON.parse(text) as { pod: string }).pod);
      });
  }
});
