/**
 * Cluster names by every resolver that pods have: glibc's, musl's and dig, in labs of one address family and in a cluster of
 * both. What they give are the addresses of the pods and Services that the API tells of.
 */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { muslResolver } from './support/musl-resolver.ts';
import { must } from './support/tendril.ts';
import { bringUp, onRealCluster, type TestCluster } from './support/test-cluster.ts';
import { until } from './support/until.ts';

const pod = (name: string, { labels = '', spec = '', probe = '' } = {}) => `
---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop, labels: { ${labels} } }
spec:
  ${spec}
  containers: [{ name: main, image: busybox, command: [sleep, infinity] ${probe} }]`;

const service = (name: string, spec: string) => `
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { ${spec} }`;

const never = ', readinessProbe: { exec: { command: ["false"] }, periodSeconds: 1 }';
const corporate = 'searches: [shop.svc.cluster.local]';

const manifest = `
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: db, namespace: shop }
spec:
  serviceName: db
  replicas: 2
  selector: { matchLabels: { app: db } }
  template:
    metadata: { labels: { app: db } }
    spec: { containers: [{ name: main, image: busybox, command: [sleep, infinity] }] }
${service('db', 'clusterIP: None, selector: { app: db }, ports: [{ name: pg, port: 5432 }]')}
${service('web', 'selector: { app: db }, ports: [{ name: http, port: 80 }]')}
${service('starting', 'clusterIP: None, selector: { app: slow }, ports: [{ port: 1 }]')}
${service('tolerant', 'clusterIP: None, publishNotReadyAddresses: true, selector: { app: slow }, ports: [{ port: 1 }]')}
${service('sub', 'clusterIP: None, selector: { app: named }, ports: [{ port: 1 }]')}
${service('alias', 'type: ExternalName, externalName: db-0.db.shop.svc.cluster.local')}
${pod('slow', { labels: 'app: slow', probe: never })}
${pod('named', { labels: 'app: named', spec: 'hostname: host-a\n  subdomain: sub' })}
${pod('first')}
${pod('few', { spec: 'dnsConfig: { options: [{ name: ndots, value: "1" }] }' })}
${pod('own', { spec: `dnsPolicy: None\n  dnsConfig: { nameservers: [DNS], ${corporate} }` })}
`;

interface Expected {
  /** Of pods by their names, and of the Service `web`. */
  [name: string]: string[];
}

const musl = muslResolver();
const inPod = '/tmp/resolve';
/** The command that prints a name's addresses, each at the start of a line. */
const programs: Record<string, (name: string) => string> = {
  glibc: (name) => `getent ahosts ${name} || test $? = 2`,
  ...(musl !== undefined && { musl: (name) => `${inPod} ${name} || test $? = 2` }),
};

/** Pods, the names that are asked for there, and whose addresses they have. */
const questions: Record<string, Record<string, string[]>> = {
  first: {
    web: ['web'],
    'web.shop': ['web'],
    'web.shop.svc.cluster.local': ['web'],
    'web.shop.svc.cluster.local.': ['web'],
    db: ['db-0', 'db-1'],
    'db-1.db': ['db-1'],
    'db-0.db.shop.svc': ['db-0'],
    'host-a.sub': ['named'],
    starting: [],
    tolerant: ['slow'],
    alias: ['db-0'],
    nobody: [],
  },
  few: { web: ['web'], db: ['db-0', 'db-1'] },
  own: { web: ['web'], 'web.shop.svc.cluster.local': ['web'] },
};

describe.each([
  ['ipv4', '10.96.0.10', 'A'],
  ['ipv6', 'fd00:10:96::a', 'AAAA'],
  ['dual', '10.96.0.10', 'A'],
] as const)('--ip-family %s', (family, dns, type) => {
  const isLabs = onRealCluster && family !== 'dual';
  let lab: TestCluster;
  let expected: Expected;
  beforeAll(async () => {
    if (isLabs) return;
    lab = await bringUp({
      manifest: manifest.replace('DNS', JSON.stringify(dns)),
      args: ['--nodes', '1', ...(family === 'dual' ? [] : ['--ip-family', family]), '--no-wait'],
    });
    await until('all pods but the slow one are ready', async () => (await readyPods(lab)) === 6, 90_000);
    expected = await addressesOf(lab);
    for (const name of ['first', 'few', 'own']) await bringMusl(lab, name);
  });
  beforeEach(({ skip }) => skip(isLabs, 'the real cluster has both address families'));
  afterAll(() => lab?.down());

  const addressesOfNames = (table: Record<string, string[]>): Record<string, string[]> =>
    Object.fromEntries(
      Object.entries(table).map(([name, of]) => [name, of.flatMap((one) => expected[one]!).sort()]),
    );

  test.each(
    Object.keys(programs).flatMap((program) => Object.keys(questions).map((client) => [program, client])),
  )('%s in the pod %s', async (program, client) => {
    const table = questions[client!]!;
    const commands = Object.keys(table).map((name) => `echo "= ${name}"; ${programs[program!]!(name)}`);
    const text = await lab.exec([client!, '-n', 'shop'], 'sh', '-e', '-c', commands.join('\n'));
    expect(addressesIn(text)).toEqual(addressesOfNames(table));
  });

  test('dig, by name, by port and by address', async () => {
    const dig = async (...words: string[]): Promise<string[]> => {
      const text = await lab.exec(['first', '-n', 'shop'], 'dig', '+short', '+search', ...words);
      return text
        .split('\n')
        .filter((line) => line !== '')
        .sort();
    };
    expect(await dig('db', type)).toEqual([...expected['db-0']!, ...expected['db-1']!].sort());
    expect(await dig('db', type === 'A' ? 'AAAA' : 'A')).toEqual([]);
    expect(await dig('_pg._tcp.db', 'SRV')).toEqual([
      '0 50 5432 db-0.db.shop.svc.cluster.local.',
      '0 50 5432 db-1.db.shop.svc.cluster.local.',
    ]);
    expect(await dig('-x', expected.web![0]!)).toEqual(['web.shop.svc.cluster.local.']);
    expect(await dig('-x', expected.named![0]!)).toEqual(['host-a.sub.shop.svc.cluster.local.']);
  });
});

interface Pods {
  items: {
    metadata: { name: string };
    status: { podIPs?: { ip: string }[]; conditions?: { type: string; status: string }[] };
  }[];
}

const read = async <T>(lab: TestCluster, ...what: string[]): Promise<T> =>
  JSON.parse(await must(lab.tendril(['get', ...what, '-n', 'shop', '-o', 'json']))) as T;

/** Once the slow one runs too. */
async function readyPods(lab: TestCluster): Promise<number> {
  const { items } = await read<Pods>(lab, 'pods');
  const isReady = ({ status }: Pods['items'][number]) =>
    status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True');
  return items.every(({ status }) => status.podIPs?.length) ? items.filter(isReady).length : 0;
}

/** The first word of each line, each once, by the name that stands above them behind a `=`. */
function addressesIn(text: string): Record<string, string[]> {
  const parts = text.split(/^= /m).filter((part) => part !== '');
  return Object.fromEntries(
    parts.map((part) => {
      const [name, ...lines] = part.split('\n') as [string, ...string[]];
      const addresses = lines.flatMap((line) => line.split(/\s+/)[0] || []);
      return [name, [...new Set(addresses)].sort()];
    }),
  );
}

/** A pod has a file system of its own. */
async function bringMusl(lab: TestCluster, name: string): Promise<void> {
  if (musl === undefined) return;
  const packed = gzipSync(readFileSync(musl)).toString('base64');
  const unpack = `echo ${packed} | base64 -d | gunzip > ${inPod} && chmod +x ${inPod}`;
  await lab.exec([name, '-n', 'shop'], 'sh', '-c', unpack);
}

async function addressesOf(lab: TestCluster): Promise<Expected> {
  const pods = await read<Pods>(lab, 'pods');
  const web = await read<{ spec: { clusterIPs: string[] } }>(lab, 'service', 'web');
  // The manifest's Services have one family: the one of a pod's first address.
  const ofPods = pods.items.map(({ metadata, status }) => [metadata.name, [status.podIPs![0]!.ip]]);
  return { ...Object.fromEntries(ofPods), web: web.spec.clusterIPs };
}
