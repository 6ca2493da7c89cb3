/**
 * A lab whose Services, endpoints and StatefulSets change at random, and pods of two namespaces that ask for names meanwhile: with glibc, musl and dig, over UDP, where the
 * kernel answers, and over TCP, where the DNS server does. Each answer is that of the state before the change or behind it, and
 * in the end all are of the one behind it.
 */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect } from 'vitest';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import { createHttpClient } from '../../../src/kube/client/http-client.ts';
import { loadKubeconfig } from '../../../src/kube/client/kubeconfig.ts';
import { resources } from '../../../src/kube/resources.ts';
import type { EndpointSlice, Pod, Service } from '../../../src/kube/types.ts';
import fc from '../../../src/util/testing/properties.ts';
import { muslResolver } from './musl-resolver.ts';
import {
  type AddressType,
  addressesOf,
  familyOf,
  type NamedCluster,
  type NamedEndpoint,
  type NamedService,
  resolved,
  servicePorts,
  zone,
} from './names-model.ts';
import { bringUp, type TestCluster } from './test-cluster.ts';
import { until } from './until.ts';

const namespaces = ['a', 'b'];
const serviceNames = ['s0', 's1', 's2'];
/** One in each namespace: what names without dots give differs. */
const clients = namespaces.map((namespace) => ({ name: 'client', namespace }));
/** In the second namespace, of a StatefulSet that gives its pods' names: their addresses are the cluster's own. */
const set = { name: 'set', namespace: 'b', key: 'b/set', most: 3 };
const port = { name: 'http', port: 80 };
/** A change is seen at once; only a machine that is very busy takes seconds. */
const settledMs = 60_000;

export type Step =
  | { what: 'create'; key: string; kind: 'v4' | 'v6' | 'both' | 'headless' | 'alias' }
  | { what: 'delete'; key: string }
  | {
      what: 'endpoints';
      key: string;
      family: 4 | 6;
      endpoints: { hostname?: string | undefined; ready: boolean }[];
    }
  /** Of the StatefulSet, by one pod. */
  | { what: 'scale'; key: string; by: 1 | -1 };

const key = fc
  .tuple(fc.constantFrom(...namespaces), fc.constantFrom(...serviceNames))
  .map((parts) => parts.join('/'));
const endpoint = fc.record({
  hostname: fc.option(fc.constantFrom('h0', 'h1'), { nil: undefined }),
  ready: fc.boolean(),
});
export const steps = (maxLength: number) =>
  fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.record({ what: fc.constant('create' as const), key, kind: fc.constantFrom('v4' as const, 'v6', 'both', 'headless', 'headless', 'alias') }) },
      { weight: 1, arbitrary: fc.record({ what: fc.constant('delete' as const), key }) },
      { weight: 2, arbitrary: fc.record({ what: fc.constant('scale' as const), key: fc.constant(set.key), by: fc.constantFrom(1 as const, 1, -1) }) },
      { weight: 3, arbitrary: fc.record({ what: fc.constant('endpoints' as const), key, family: fc.constantFrom(4 as const, 6), endpoints: fc.array(endpoint, { maxLength: 3 }) }) },
    ),
    { minLength: maxLength, maxLength },
  ); // biome-ignore format: a line each

export interface NamesLab extends AsyncDisposable {
  /** Begins without Services, carries the steps out one by one, and asks. */
  tryOut(steps: readonly Step[]): Promise<void>;
}

export async function startNamesLab(): Promise<NamesLab> {
  const documents = [
    ...namespaces.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
    ...clients.map((metadata) => ({
      ...{ apiVersion: 'v1', kind: 'Pod', metadata },
      spec: { containers: [{ name: 'main', image: 'busybox', command: ['sleep', 'infinity'] }] },
    })),
    ...setObjects,
  ];
  const manifest = documents.map((document) => JSON.stringify(document)).join('\n---\n');
  const lab = await bringUp({ manifest, args: ['--nodes', '1'] });
  const api = createHttpClient(await loadKubeconfig(await lab.kubeconfig()));
  const programs = await resolversIn(lab);
  return {
    tryOut: (all) => tryOut({ lab, api, programs }, all),
    [Symbol.asyncDispose]: async () => {
      api.close();
      await lab.down();
    },
  };
}

const labels = { app: set.name };
const setObjects = [
  {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: set.name, namespace: set.namespace } },
    spec: { clusterIP: 'None', selector: labels, ports: [port], ipFamilyPolicy: 'RequireDualStack' },
  },
  {
    ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: set.name, namespace: set.namespace } },
    spec: {
      ...{ replicas: 0, serviceName: set.name, selector: { matchLabels: labels } },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 0,
          containers: [{ name: 'main', image: 'busybox', command: ['sleep', 'infinity'] }],
        },
      },
    },
  },
];

interface Place {
  lab: TestCluster;
  api: KubeClient;
  programs: string[];
}

/** Commands that print a name's addresses, one at each line's beginning. */
async function resolversIn(lab: TestCluster): Promise<string[]> {
  const musl = muslResolver();
  if (musl === undefined) return ['getent ahosts'];
  const packed = gzipSync(readFileSync(musl)).toString('base64');
  for (const { name, namespace } of clients)
    await lab.exec(
      [name, '-n', namespace],
      ...['sh', '-c', `echo ${packed} | base64 -d | gunzip > /tmp/resolve && chmod +x /tmp/resolve`],
    );
  return ['getent ahosts', '/tmp/resolve'];
}

async function tryOut(place: Place, all: readonly Step[]): Promise<void> {
  const ofSet: NamedService = { kind: 'headless', ports: [port] };
  let before: NamedCluster = { services: { [set.key]: ofSet }, endpoints: {} };
  try {
    for (const step of all) {
      const after = await carryOut(place.api, before, step);
      if (after === before) continue;
      await settles(place, before, after, step);
      before = after;
    }
  } finally {
    while (replicasOf(before) > 0) before = await scale(place.api, before, replicasOf(before) - 1);
    for (const one of Object.keys(before.services).filter((each) => each !== set.key))
      await carryOut(place.api, before, { what: 'delete', key: one });
  }
}

/** The state behind the step; the same where there is nothing to do. */
async function carryOut(api: KubeClient, cluster: NamedCluster, step: Step): Promise<NamedCluster> {
  if (step.what === 'scale') {
    const replicas = replicasOf(cluster) + step.by;
    return replicas < 0 || replicas > set.most ? cluster : await scale(api, cluster, replicas);
  }
  const [namespace, name] = step.key.split('/') as [string, string];
  const known = cluster.services[step.key];
  if (step.what === 'create') {
    if (known !== undefined) return cluster;
    const made = await api.create(resources.services, {
      metadata: { namespace, name },
      spec: specOf(step.kind, namespace),
    });
    const service = serviceOf(step.kind, namespace, made.spec!.clusterIPs ?? []);
    return { ...cluster, services: { ...cluster.services, [step.key]: service } };
  }
  if (known === undefined)
    return step.what === 'delete'
      ? cluster
      : await carryOut(api, cluster, { what: 'create', key: step.key, kind: 'headless' });
  if (step.what === 'delete') {
    for (const family of [4, 6] as const)
      if (cluster.endpoints[step.key]?.[family])
        await api.delete(resources.endpointSlices, { namespace, name: `${name}-${family}` });
    await api.delete(resources.services, { namespace, name });
    const { [step.key]: _service, ...services } = cluster.services;
    const { [step.key]: _endpoints, ...endpoints } = cluster.endpoints;
    return { services, endpoints };
  }
  if (known.kind !== 'headless') return cluster;
  const { family } = step;
  const serial = 1 + namespaces.indexOf(namespace) * 100 + serviceNames.indexOf(name) * 10;
  const endpoints: NamedEndpoint[] = step.endpoints.map((one, i) => ({
    ...one,
    address: family === 4 ? `198.18.0.${serial + i}` : `fd00:77::${serial + i}`,
  }));
  await put(api, {
    namespace,
    name,
    family,
    endpoints,
    isNew: cluster.endpoints[step.key]?.[family] === undefined,
  });
  return {
    ...cluster,
    endpoints: { ...cluster.endpoints, [step.key]: { ...cluster.endpoints[step.key], [family]: endpoints } },
  };
}

const replicasOf = ({ endpoints }: NamedCluster) => endpoints[set.key]?.[4]?.length ?? 0;

/** As soon as the pods have their addresses, or are gone: before names can be asked for them. */
async function scale(api: KubeClient, cluster: NamedCluster, replicas: number): Promise<NamedCluster> {
  await api.patch(
    resources.statefulSets,
    { namespace: set.namespace, name: set.name },
    { type: 'application/merge-patch+json', body: { spec: { replicas } } },
  );
  const ofSet = { namespace: set.namespace, labelSelector: 'app=set' };
  let pods: Pod[] = [];
  await until(`${replicas} pods of the StatefulSet`, async () => {
    pods = (await api.list(resources.pods, ofSet)).items;
    return pods.length === replicas && pods.every(isReady);
  });
  const of = (family: 4 | 6): NamedEndpoint[] =>
    pods.flatMap(({ metadata, status }) =>
      (status?.podIPs ?? [])
        .filter(({ ip }) => familyOf(ip) === family)
        .map(({ ip }) => ({ address: ip, hostname: metadata.name, ready: true })),
    );
  return { ...cluster, endpoints: { ...cluster.endpoints, [set.key]: { 4: of(4), 6: of(6) } } };
}

function serviceOf(
  kind: (Step & { what: 'create' })['kind'],
  namespace: string,
  ips: string[],
): NamedService {
  if (kind === 'alias') return { kind, target: aliasTarget(namespace) };
  return kind === 'headless' ? { kind, ports: [port] } : { kind: 'ip', ips, ports: [port] };
}

const aliasTarget = (namespace: string) => `s0.${namespace === 'a' ? 'b' : 'a'}.svc.${zone}`;

function specOf(kind: (Step & { what: 'create' })['kind'], namespace: string): Service['spec'] {
  const ports = [{ ...port, protocol: 'TCP' as const }];
  if (kind === 'alias') return { type: 'ExternalName', externalName: aliasTarget(namespace) };
  if (kind === 'headless') return { clusterIP: 'None', ports, ipFamilyPolicy: 'RequireDualStack' };
  if (kind === 'both') return { ports, ipFamilyPolicy: 'RequireDualStack' };
  return { ports, ipFamilyPolicy: 'SingleStack', ipFamilies: [kind === 'v4' ? 'IPv4' : 'IPv6'] };
}

async function put(
  api: KubeClient,
  at: { namespace: string; name: string; family: 4 | 6; endpoints: NamedEndpoint[]; isNew: boolean },
): Promise<void> {
  const { namespace, name, family } = at;
  const endpoints = at.endpoints.map(({ address, hostname, ready }) => ({
    addresses: [address],
    conditions: { ready },
    ...(hostname !== undefined && { hostname }),
  }));
  const slice = { namespace, name: `${name}-${family}` };
  if (at.isNew)
    await api.create(resources.endpointSlices, {
      metadata: { ...slice, labels: { 'kubernetes.io/service-name': name } },
      ...({ addressType: `IPv${family}`, ports: [{ ...port, protocol: 'TCP' }], endpoints } as Omit<
        EndpointSlice,
        'metadata' | 'kind' | 'apiVersion'
      >),
    } as never);
  else
    await api.patch(resources.endpointSlices, slice, {
      type: 'application/merge-patch+json',
      body: { endpoints },
    });
}

/** Asks until every answer is of the state behind the step; each is of that or of the one before. */
async function settles(place: Place, before: NamedCluster, after: NamedCluster, step: Step): Promise<void> {
  const end = performance.now() + settledMs;
  for (;;) {
    const client = clients[asks % clients.length]!;
    const asked = questionsAbout(step.key, client.namespace, [before, after]);
    const answers = await ask(place, client, asked);
    const late = asked.flatMap((question, i) => {
      const [was, is] = [question.answer(before), question.answer(after)];
      const given = answers[i]!;
      const parts = question.apart ?? ((all: string[]) => [all]);
      parts(given).forEach((part, n) => {
        const possible = [parts(was)[n], parts(is)[n]];
        expect(possible, `${question.command} at ${JSON.stringify(step)}`).toContainEqual(part);
      });
      return JSON.stringify(given) === JSON.stringify(is) ? [] : [`${question.command}: ${given}, not ${is}`];
    });
    if (late.length === 0) return;
    if (performance.now() > end)
      throw new Error(`not within ${settledMs} ms of ${JSON.stringify(step)}: ${late.join('; ')}`);
  }
}

interface Question {
  command: string;
  answer(cluster: NamedCluster): string[];
  /** Parts of an answer that may be of different moments: a resolver asks for each family. */
  apart?(addresses: string[]): string[][];
}

const isReady = ({ status }: Pod) =>
  status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;

function serviceIps({ services }: NamedCluster, key: string): string[] {
  const service = services[key];
  return service?.kind === 'ip' ? service.ips : [];
}

const byFamily = (addresses: string[]) =>
  [4, 6].map((family) => addresses.filter((one) => familyOf(one) === family));

/** @param from namespace of the pod that asks */
function questionsAbout(about: string, from: string, moments: readonly NamedCluster[]): Question[] {
  const [namespace, name] = about.split('/') as [string, string];
  const whole = `${name}.${namespace}.svc.${zone}`;
  const names = [
    name,
    `${name}.${namespace}`,
    `${name}.${namespace}.svc`,
    `${whole}.`,
    `h0.${name}.${namespace}`,
    `set-0.${name}.${namespace}`,
    's0.b',
    'nobody',
  ];
  const hosts = name === set.name ? ['set-0', 'set-2'] : ['h0', 'h1'];
  const dug = [
    whole,
    ...hosts.map((host) => `${host}.${whole}`),
    `s0.b.svc.${zone}`,
    `nobody.${namespace}.svc.${zone}`,
  ];
  const types: AddressType[] = ['A', 'AAAA'];
  const ips = [...new Set(moments.flatMap((cluster) => serviceIps(cluster, about)))];
  return [
    ...names.map(
      (one): Question => ({
        command: `RESOLVE ${one}`,
        answer: (cluster) => resolved(cluster, one, from),
        apart: byFamily,
      }),
    ),
    ...['+notcp', '+tcp'].flatMap((how) => [
      ...dug.flatMap((one) =>
        types.map(
          (type): Question => ({
            command: `dig +short +nocookie ${how} ${one} ${type} | grep -v '[a-z]\\.$'`,
            answer: (cluster) => addressesOf(cluster, one, type),
          }),
        ),
      ),
      {
        command: `dig +short ${how} _http._tcp.${whole} SRV | cut -d' ' -f3- | grep ' [hs][a-z0-9-]*\\.'`,
        answer: (cluster: NamedCluster) => servicePorts(cluster, about, 'http'),
      },
      ...ips.map((ip) => ({
        command: `dig +short ${how} -x ${ip}`,
        answer: (cluster: NamedCluster) => (serviceIps(cluster, about).includes(ip) ? [`${whole}.`] : []),
      })),
    ]),
  ];
}

/** The answers of each, sorted; resolvers take turns. */
async function ask(
  { lab, programs }: Place,
  { name, namespace }: (typeof clients)[number],
  questions: Question[],
): Promise<string[][]> {
  const program = programs[Math.floor(asks++ / clients.length) % programs.length]!;
  const lines = questions.map(
    ({ command }, i) => `echo "= ${i}"; ${command.replace('RESOLVE', program)} || true`,
  );
  const text = await lab.exec([name, '-n', namespace], 'sh', '-c', lines.join('\n'));
  const parts = text.split(/^= \d+\n/m).slice(1);
  return parts.map((part, i) => {
    const words = part.split('\n').filter((line) => line !== '');
    const found = questions[i]!.command.startsWith('RESOLVE')
      ? words.map((line) => line.split(/\s+/)[0]!)
      : words;
    return [...new Set(found)].filter((one) => !isOutside(one)).sort();
  });
}
let asks = 0;

/** Every name with a dot that is none of the cluster's is one of the world outside, which has addresses of documentation's. */
const isOutside = (word: string) => /^(198\.51\.100\.|192\.0\.2\.|2001:db8:)/.test(word);
